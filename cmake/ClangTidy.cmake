# SPDX-License-Identifier: MIT
#
# -DIPCDEV_CLANG_TIDY=ON: clang-tidy looks at every file before it is compiled,
# so what did not change is not looked at again.
option(IPCDEV_CLANG_TIDY "Run clang-tidy on every file that is compiled" OFF)
set(IPCDEV_CLANG_VERSION 14) # Debian 12's: .clang-format and .clang-tidy are written for it

function(ipcdev_enable_clang_tidy)
  find_program(CLANG_TIDY clang-tidy REQUIRED)
  # By a name that tells its contents: with other checks the command is another,
  # and everything is looked at again.
  file(SHA256 ${PROJECT_SOURCE_DIR}/.clang-tidy hash)
  set(config ${PROJECT_BINARY_DIR}/clang-tidy-${hash}.yaml)
  configure_file(${PROJECT_SOURCE_DIR}/.clang-tidy ${config} COPYONLY)
  set(command ${CLANG_TIDY} --quiet --config-file=${config})

  execute_process(COMMAND ${CLANG_TIDY} --version OUTPUT_VARIABLE version)
  if(NOT version MATCHES "version ${IPCDEV_CLANG_VERSION}\\.")
    message(STATUS "clang-tidy is not version ${IPCDEV_CLANG_VERSION}: its findings are not errors")
    list(APPEND command --warnings-as-errors=-*)
  endif()
  set(CMAKE_CXX_CLANG_TIDY ${command} PARENT_SCOPE)
endfunction()

if(IPCDEV_CLANG_TIDY)
  ipcdev_enable_clang_tidy()
endif()
