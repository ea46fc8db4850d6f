# SPDX-License-Identifier: MIT
#
# ipcdev_warnings: link it privately to every target of ours. Warnings are
# errors, with gcc and with clang; -DIPCDEV_WERROR=OFF for an unknown compiler.
option(IPCDEV_WERROR "Treat warnings as errors" ON)

add_library(ipcdev_warnings INTERFACE)
target_compile_options(ipcdev_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual>
  $<$<BOOL:${IPCDEV_WERROR}>:-Werror>)
