# SPDX-License-Identifier: MIT
#
# -DIPCDEV_CLANG_TIDY=ON: clang-tidy looks at the sources of the targets that are named
# by ipcdev_clang_tidy(TARGET...), as a part of the build: those of a target in which
# nothing changed are not looked at again. Tests are left out: findings in code full of
# GoogleTest's macros are mostly about the macros. The compiler must be clang, for its flags.
option(IPCDEV_CLANG_TIDY "Run clang-tidy on the product" OFF)
set(IPCDEV_CLANG_VERSION 14) # Debian 12's: .clang-format and .clang-tidy are written for it

function(ipcdev_clang_tidy)
  if(NOT IPCDEV_CLANG_TIDY)
    return()
  endif()
  find_program(CLANG_TIDY clang-tidy REQUIRED)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  set(config ${PROJECT_SOURCE_DIR}/.clang-tidy)
  set(together ${PROJECT_SOURCE_DIR}/cmake/tidy-together)
  set(command ${CLANG_TIDY} --quiet)

  execute_process(COMMAND ${CLANG_TIDY} --version OUTPUT_VARIABLE version)
  if(NOT version MATCHES "version ${IPCDEV_CLANG_VERSION}\\.")
    message(STATUS "clang-tidy is not version ${IPCDEV_CLANG_VERSION}: its findings are not errors")
    list(APPEND command --warnings-as-errors=-*)
  endif()

  foreach(target IN LISTS ARGN)
    get_target_property(folder ${target} SOURCE_DIR)
    get_target_property(sources ${target} SOURCES)
    list(TRANSFORM sources PREPEND ${folder}/)
    file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${folder}/*.h)
    file(GLOB_RECURSE common_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/common/*.h)
    set(stamp ${PROJECT_BINARY_DIR}/${target}.tidy)
    add_custom_command(OUTPUT ${stamp}
      COMMAND Python3::Interpreter ${together} ${PROJECT_BINARY_DIR}/compile_commands.json ${stamp}
              ${config} ${sources} -- ${command}
      DEPENDS ${sources} ${headers} ${common_headers} ${config} ${together}
      COMMENT "clang-tidy looks at ${target}"
      VERBATIM)
    add_custom_target(${target}-tidy ALL DEPENDS ${stamp})
  endforeach()
endfunction()
