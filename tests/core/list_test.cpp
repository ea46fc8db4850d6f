// SPDX-License-Identifier: MIT
//
// What the device never does with a list, and no other test therefore shows.
#include <gtest/gtest.h>

#include <iterator>
#include <vector>

#include "list.h"

namespace ipcdev::test {

namespace {

struct Element {
    int before = 0; // so that the hook is not where the element begins
    ListHook hook;
};

using Elements = List<Element, &Element::hook>;

static_assert(std::forward_iterator<Elements::const_iterator>);

} // namespace

TEST(List, AnEmptyOneGivesNull) {
    Elements list;
    EXPECT_TRUE(list.empty());
    EXPECT_EQ(list.front(), nullptr);
    EXPECT_EQ(list.pop_front(), nullptr);
    EXPECT_EQ(list.begin(), list.end());
}

TEST(List, IsWalkedInOrderAndForgetsWhatIsErased) {
    Element a;
    Element b;
    Element c;
    Elements list;
    list.push_back(b);
    list.push_back(c);
    list.push_front(a);
    list.erase(b);
    EXPECT_FALSE(b.hook.linked());

    std::vector<const Element*> seen;
    for (auto at = list.begin(); at != list.end(); at++) {
        seen.push_back(&*at);
    }
    EXPECT_EQ(seen, (std::vector<const Element*>{&a, &c}));
    EXPECT_EQ(list.pop_front(), &a);
    EXPECT_EQ(list.pop_front(), &c);
}

TEST(ListDeathTest, LinkingWhatIsLinkedIsCaught) {
    Element element;
    Elements list;
    list.push_back(element);
    EXPECT_DEATH(list.push_back(element), "linked");
    list.erase(element);
}

TEST(ListDeathTest, UnlinkingWhatIsNotLinkedIsCaught) {
    Element element;
    Elements list;
    EXPECT_DEATH(list.erase(element), "linked");
}

TEST(ListDeathTest, AnElementThatGoesWhileItIsLinkedIsCaught) {
    EXPECT_DEATH(
        {
            Elements list;
            Element element; // goes first
            list.push_back(element);
        },
        "linked");
}

} // namespace ipcdev::test
