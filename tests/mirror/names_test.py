#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that the check 'names' finds what it is for, in a small core and its mirror with one mistake each."""

import importlib.util
import sys
import tempfile
import unittest
from importlib.machinery import SourceFileLoader
from pathlib import Path

sys.dont_write_bytecode = True
loader = SourceFileLoader("names", str(Path(__file__).resolve().parent / "names"))
names = importlib.util.module_from_spec(importlib.util.spec_from_loader("names", loader))
loader.exec_module(names)

SOUND = {
    "common/device.h": """
class Device {
  public:
    [[nodiscard]] static int apply(const SettingsChange& change, Settings& now);
    bool cancel(Request& request, int error, Effects& effects);
    void cancel_all(int error, Effects& effects);
    [[nodiscard]] bool under_way() const { return under_way_; }

  private:
    [[nodiscard]] bool has_room() const;
    [[nodiscard]] PieceList& source(Open& open);
};
""",
    "common/device.cpp": """
int Device::apply(const SettingsChange& change, Settings& now) {
    return 0;
}

bool Device::cancel([[maybe_unused]] Request& request, int error, Effects& effects) {
    return has_room();
}

void Device::cancel_all(int error, Effects& effects) {
}

bool Device::has_room() const {
    return true;
}

PieceList& Device::source(Open& open) {
    return queue_;
}
""",
    "kmod/device.h": """
static inline bool ipcdev_spend(struct ipcdev_effects *effects)
{
}

void ipcdev_device_init(struct ipcdev_device *device);
int ipcdev_device_apply(const struct ipcdev_settings_change *change,
			struct ipcdev_settings *now);
ipcdev_hot bool ipcdev_device_cancel(struct ipcdev_device *device, struct ipcdev_request *request,
				     int error, struct ipcdev_effects *effects);
""",
    "kmod/device_private.h": """
static bool ipcdev_device_has_room(const struct ipcdev_device *device);
static struct ipcdev_chain *ipcdev_device_source(struct ipcdev_device *device,
						 struct ipcdev_open *open);
""",
    "kmod/device.c": """// SPDX-License-Identifier: GPL-2.0
/*
 * What differs on purpose:
 *
 *   cancel_all()   missing: a module can't go while a call is parked
 *   init()         added: C has no constructors
 */
void ipcdev_device_init(struct ipcdev_device *device)
{
}

int ipcdev_device_apply(const struct ipcdev_settings_change *change, struct ipcdev_settings *now)
{
	return 0;
}

ipcdev_hot bool ipcdev_device_cancel(struct ipcdev_device *device, struct ipcdev_request *request,
				     int error, struct ipcdev_effects *effects)
{
	return ipcdev_device_has_room(device);
}

static bool ipcdev_device_has_room(const struct ipcdev_device *device)
{
	return true;
}

static noinline __flatten struct ipcdev_chain *ipcdev_device_source(struct ipcdev_device *device,
								    struct ipcdev_open *open)
{
	return &device->queue;
}
""",
}


def check(changed: dict[str, str]) -> str:
    """What is said of the sound sources with these files changed."""
    with tempfile.TemporaryDirectory() as top:
        for name, text in {**SOUND, **changed}.items():
            path = Path(top) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        found = list(names.problems(Path(top, "common"), Path(top, "kmod")))
    return "\n".join(found).replace(f"{top}/", "")


def edited(name: str, *edits: tuple[str, str]) -> dict[str, str]:
    text = SOUND[name]
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return {name: text}


def function_of(name: str, head: str) -> str:
    """The whole definition in that file."""
    begin = SOUND[name].index(head)
    return SOUND[name][begin:SOUND[name].index("\n}\n", begin) + 3]


class Names(unittest.TestCase):
    def expect(self, changed: dict[str, str], *said: str) -> None:
        found = check(changed)
        for words in said:
            self.assertIn(words, found)

    def test_a_sound_mirror_has_no_problem(self) -> None:
        self.assertEqual(check({}), "")

    def test_a_function_is_missing(self) -> None:
        has_room = function_of("kmod/device.c", "static bool ipcdev_device_has_room")
        self.expect(edited("kmod/device.c", (has_room, "")), "common/device.cpp and kmod/device.c", "\n-has_room\n")

    def test_a_function_is_in_the_mirror_alone(self) -> None:
        has_room = function_of("kmod/device.c", "static bool ipcdev_device_has_room")
        another = has_room.replace("has_room", "has_place")
        self.expect(edited("kmod/device.c", (has_room, has_room + "\n" + another)),
                    "common/device.cpp and kmod/device.c", "\n+has_place\n")

    def test_the_order_differs(self) -> None:
        apply = function_of("common/device.cpp", "int Device::apply")
        has_room = function_of("common/device.cpp", "bool Device::has_room")
        self.expect(edited("common/device.cpp", (apply, "@"), (has_room, apply), ("@", has_room)),
                    "common/device.cpp and kmod/device.c have not the same functions in the same order")

    def test_the_order_of_the_core_s_declarations_differs(self) -> None:
        moved = "    void cancel_all(int error, Effects& effects);\n"
        self.expect(edited("common/device.h", (moved, ""), ("  public:\n", "  public:\n" + moved)),
                    "common/device.h and common/device.cpp have not the same functions in the same order")

    def test_the_order_of_the_mirror_s_declarations_differs(self) -> None:
        declared = "static bool ipcdev_device_has_room(const struct ipcdev_device *device);\n"
        last = "struct ipcdev_open *open);\n"
        self.expect(edited("kmod/device_private.h", (declared, ""), (last, last + declared)),
                    "kmod/device*.h and kmod/device.c have not the same functions in the same order")

    def test_a_parameter_has_another_name(self) -> None:
        self.expect(edited("kmod/device.c", ("int error,", "int reason,")),
                    "ipcdev_device_cancel(struct ipcdev_device *device, struct ipcdev_request *request, int error,",
                    "ipcdev_device_cancel(struct ipcdev_device *device, struct ipcdev_request *request, int reason,")

    def test_a_parameter_has_another_type(self) -> None:
        self.expect(edited("kmod/device.c", ("int error,", "long error,")), "long error")

    def test_parameters_have_another_order(self) -> None:
        self.expect(edited("common/device.cpp", ("Request& request, int error", "int error, Request& request")),
                    "int error, struct ipcdev_request *request")

    def test_a_parameter_is_const_in_one_only(self) -> None:
        self.expect(edited("common/device.cpp", ("const SettingsChange& change", "SettingsChange& change")),
                    "ipcdev_device_apply(struct ipcdev_settings_change *change")

    def test_a_const_member_changes_nothing_in_the_device(self) -> None:
        definition = "ipcdev_device_has_room(const struct ipcdev_device *device)\n{"
        self.expect(edited("kmod/device.c", (definition, definition.replace("const ", ""))),
                    "bool ipcdev_device_has_room(const struct ipcdev_device *device)")

    def test_a_static_member_has_no_device(self) -> None:
        self.expect(edited("common/device.h", ("static int apply", "int apply")),
                    "int ipcdev_device_apply(struct ipcdev_device *device, const struct ipcdev_settings_change *change")

    def test_a_result_has_another_type(self) -> None:
        self.expect(edited("common/device.cpp", ("bool Device::has_room", "int Device::has_room")),
                    "int ipcdev_device_has_room", "bool ipcdev_device_has_room")

    def test_a_type_that_the_table_lacks_is_the_same_in_both(self) -> None:
        self.expect(edited("common/device.cpp", ("PieceList& Device::source", "std::uint32_t Device::source")),
                    "std::uint32_t ipcdev_device_source")

    def test_what_differs_on_purpose_has_a_reason(self) -> None:
        self.expect(edited("kmod/device.c", (" a module can't go while a call is parked", "")),
                    "doesn't say why cancel_all() is missing")

    def test_what_no_longer_differs_is_not_listed(self) -> None:
        self.expect(edited("kmod/device.c", ("init()         added", "has_room()     added")),
                    "its comment says that has_room() is added, and it is not")

    def test_nothing_to_compare_is_no_success(self) -> None:
        with self.assertRaisesRegex(names.NothingToCompare, "found 5 functions in the core and 0 in the mirror"):
            check({"kmod/device.c": "/* Empty. */\n"})


if __name__ == "__main__":
    unittest.main()
