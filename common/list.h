// SPDX-License-Identifier: MIT
//
// An intrusive doubly linked list, like the kernel's list_head: the hook is a member of
// the element, so linking allocates nothing and can't fail. The list never owns its
// elements. A hook is on one list at a time; an assertion catches linking one that is
// linked and unlinking one that is not.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <iterator>

#include "kept.h"

namespace ipcdev {

// may_alias: without it gcc 12 concludes at -O2 that a store to a neighbour's hook can't
// change the head of the list, and a loop that pops the first element gets the same one for
// ever.
class [[gnu::may_alias]] ListHook {
  public:
    ListHook() = default;
    ListHook(const ListHook&) = delete;
    ListHook& operator=(const ListHook&) = delete;
    ~ListHook() { assert(!linked()); }

    [[nodiscard]] bool linked() const { return next_ != nullptr; }

  private:
    template <typename T, ListHook T::*Hook> friend class List;
    friend class Validation;

    Kept<ListHook*> prev_;
    Kept<ListHook*> next_;
};

template <typename T, ListHook T::*Hook> class List {
  public:
    List() { close(); }
    List(const List&) = delete;
    List& operator=(const List&) = delete;

    ~List() {
        assert(empty());
        head_.prev_ = head_.next_ = nullptr;
    }

    [[nodiscard]] bool empty() const { return head_.next_ == &head_; }
    [[nodiscard]] T* front() { return empty() ? nullptr : owner(head_.next_); }
    [[nodiscard]] const T* front() const { return empty() ? nullptr : owner(head_.next_); }
    [[nodiscard]] T* back() { return empty() ? nullptr : owner(head_.prev_); }

    // Null after the last.
    [[nodiscard]] T* next(T& element) {
        ListHook* hook = (element.*Hook).next_;
        return hook == &head_ ? nullptr : owner(hook);
    }

    void push_back(T& element) { link(element.*Hook, *head_.prev_, head_); }
    void push_front(T& element) { link(element.*Hook, head_, *head_.next_); }

    // Null when the list is empty.
    T* pop_front() {
        T* element = front();
        if (element != nullptr) {
            erase(*element);
        }
        return element;
    }

    T* pop_back() {
        T* element = back();
        if (element != nullptr) {
            erase(*element);
        }
        return element;
    }

    void erase(T& element) {
        ListHook& hook = element.*Hook;
        assert(hook.linked());
        hook.prev_->next_ = hook.next_;
        hook.next_->prev_ = hook.prev_;
        hook.prev_ = hook.next_ = nullptr;
    }

    class const_iterator {
      public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = T;
        using difference_type = std::ptrdiff_t;
        using pointer = const T*;
        using reference = const T&;

        const_iterator() = default;
        explicit const_iterator(const ListHook* at) : at_(at) {}
        reference operator*() const { return *owner(at_); }
        pointer operator->() const { return owner(at_); }
        const_iterator& operator++() {
            at_ = next_of(at_);
            return *this;
        }
        const_iterator operator++(int) {
            const_iterator before = *this;
            ++*this;
            return before;
        }
        bool operator==(const const_iterator&) const = default;

      private:
        const ListHook* at_ = nullptr;
    };

    [[nodiscard]] const_iterator begin() const { return const_iterator(head_.next_); }
    [[nodiscard]] const_iterator end() const { return const_iterator(&head_); }

  private:
    friend class Validation;

    static const ListHook* next_of(const ListHook* hook) { return hook->next_; }

    // container_of: where the hook lies in T is the same for every T.
    static std::size_t offset() {
        alignas(T) static constexpr std::array<char, sizeof(T)> place{};
        const T* at = reinterpret_cast<const T*>(place.data());
        return static_cast<std::size_t>(reinterpret_cast<const char*>(&(at->*Hook)) - place.data());
    }
    static T* owner(ListHook* hook) {
        return reinterpret_cast<T*>(reinterpret_cast<char*>(hook) - offset());
    }
    static const T* owner(const ListHook* hook) {
        return reinterpret_cast<const T*>(reinterpret_cast<const char*>(hook) - offset());
    }

    static void link(ListHook& hook, ListHook& before, ListHook& after) {
        assert(!hook.linked());
        hook.prev_ = &before;
        hook.next_ = &after;
        before.next_ = &hook;
        after.prev_ = &hook;
    }
    void close() { head_.prev_ = head_.next_ = &head_; }

    ListHook head_;
};

} // namespace ipcdev
