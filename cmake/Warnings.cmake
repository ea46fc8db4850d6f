# SPDX-License-Identifier: MIT
#
# ipcdev_warnings: link it privately to every target of ours. A warning is an error only
# where IPCDEV_WERROR says so, as the presets of ./check do: another compiler, or another
# optimisation, may warn of what none of these does, and who builds this is not to be
# stopped by it.
option(IPCDEV_WERROR "Treat warnings as errors" OFF)

add_library(ipcdev_warnings INTERFACE)
target_compile_options(ipcdev_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual>
  $<$<BOOL:${IPCDEV_WERROR}>:-Werror>)

# gcc 12 takes what std::string's operator+ copies for overlapping (gcc bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(ipcdev_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()
