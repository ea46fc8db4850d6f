# SPDX-License-Identifier: MIT
#
# Shows that the traces can fail: those of the deliberate bugs in the core that name
# a scenario, as 'Shown by: FILE.SCENARIO', are put into it, each for itself.
find_program(IPCDEV_PATCH patch REQUIRED DOC "patch, which puts a bug into a core")

# patched_core(VAR PATCH): a copy of the core's source with the bug in it.
function(patched_core var patch)
  get_target_property(core_dir ipcdev_core SOURCE_DIR)
  cmake_path(GET patch STEM LAST_ONLY name)
  set(patched ${CMAKE_CURRENT_BINARY_DIR}/${name}/device.cpp)
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/${name})
  add_custom_command(OUTPUT ${patched}
    COMMAND ${IPCDEV_PATCH} -s -o ${patched} ${core_dir}/device.cpp ${patch}
    DEPENDS ${core_dir}/device.cpp ${patch} VERBATIM)
  set(${var} ${patched} PARENT_SCOPE)
endfunction()

if(IPCDEV_SECOND_BUILD)
  return()
endif()
add_library(core_trace_program OBJECT trace_test.cpp core_under_test.cpp) # compiled once
target_link_libraries(core_trace_program PUBLIC core_testing PRIVATE ipcdev_warnings)
file(GLOB patches CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/mutation/core/*.patch)
foreach(patch IN LISTS patches)
  file(STRINGS ${patch} shown REGEX "^Shown by: ")
  if(NOT shown)
    continue()
  endif()
  cmake_path(GET patch STEM LAST_ONLY name)
  patched_core(patched ${patch})
  core_test_program(core_traces_${name} ${patched})
  target_include_directories(core_traces_${name} PRIVATE ${core_dir})
  target_link_libraries(core_traces_${name} PRIVATE core_trace_program)
  add_test(NAME core.catches_${name}
           COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/catches $<TARGET_FILE:core_traces_${name}> ${patch})
endforeach()
