# SPDX-License-Identifier: MIT
#
# Fuzzers are built by clang whatever compiler builds the rest: libFuzzer is its own.
#
# ipcdev_add_fuzzer(NAME TEST SOURCES file... [C_SOURCES file...] INCLUDES folder...
#                   [C_INCLUDES folder...])
#
# The test starts from nothing with a fixed seed, so that it is the same every
# time. To search on, with a corpus: NAME -len_control=0 -max_len=256 FOLDER
set(fuzz_runs 50000)
set(fuzz_sanitizers -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all)
set(fuzz_flags -std=c++20 ${fuzz_sanitizers} -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
set(fuzz_c_flags -x c -std=gnu11 ${fuzz_sanitizers} -Wall -Wextra)
if(IPCDEV_WERROR)
  list(APPEND fuzz_flags -Werror)
  list(APPEND fuzz_c_flags -Werror)
endif()

find_program(IPCDEV_FUZZ_CXX NAMES clang++ clang++-19 clang++-16 clang++-14
             DOC "The clang++ that builds the fuzzers")
if(IPCDEV_FUZZ_CXX)
  set(probe ${CMAKE_BINARY_DIR}/fuzz_probe)
  file(WRITE ${probe}.cpp
       "extern \"C\" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }\n")
  execute_process(COMMAND ${IPCDEV_FUZZ_CXX} ${fuzz_flags} ${probe}.cpp -o ${probe}
                  RESULT_VARIABLE IPCDEV_FUZZ_STATUS OUTPUT_QUIET ERROR_QUIET)
else()
  set(IPCDEV_FUZZ_STATUS "no clang++")
endif()
if(NOT IPCDEV_FUZZ_STATUS EQUAL 0)
  message(WARNING "there is no clang++ that knows -fsanitize=fuzzer: the fuzzers are not built or run")
endif()

function(ipcdev_add_fuzzer name test)
  cmake_parse_arguments(PARSE_ARGV 2 fuzz "" "" "SOURCES;C_SOURCES;INCLUDES;C_INCLUDES")
  if(NOT IPCDEV_FUZZ_STATUS EQUAL 0 OR IPCDEV_SECOND_BUILD)
    return()
  endif()
  set(object)
  set(compile_c)
  set(headers)
  foreach(folder IN LISTS fuzz_INCLUDES fuzz_C_INCLUDES)
    file(GLOB_RECURSE more CONFIGURE_DEPENDS ${folder}/*.h)
    list(APPEND headers ${more})
  endforeach()
  list(TRANSFORM fuzz_INCLUDES PREPEND -I)
  list(TRANSFORM fuzz_C_INCLUDES PREPEND -isystem)
  if(fuzz_C_SOURCES)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.o)
    set(compile_c COMMAND ${IPCDEV_FUZZ_CXX} ${fuzz_c_flags} ${fuzz_C_INCLUDES} ${fuzz_INCLUDES}
                  -c ${fuzz_C_SOURCES} -o ${object})
  endif()
  add_custom_command(
    OUTPUT ${name}
    ${compile_c}
    COMMAND ${IPCDEV_FUZZ_CXX} ${fuzz_flags} ${fuzz_INCLUDES} ${fuzz_C_INCLUDES} ${fuzz_SOURCES}
            ${object} -o ${CMAKE_CURRENT_BINARY_DIR}/${name}
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
    DEPENDS ${fuzz_SOURCES} ${fuzz_C_SOURCES} ${headers}
    COMMENT "Building ${name} with ${IPCDEV_FUZZ_CXX}"
    VERBATIM)
  add_custom_target(${name}_program ALL DEPENDS ${name})
  add_test(NAME ${test}
           COMMAND ${name} -runs=${fuzz_runs} -seed=1 -len_control=0 -max_len=256
                   -artifact_prefix=${CMAKE_CURRENT_BINARY_DIR}/
           WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  set_tests_properties(${test} PROPERTIES TIMEOUT 300
                       ENVIRONMENT "ASAN_OPTIONS=quarantine_size_mb=32")
endfunction()
