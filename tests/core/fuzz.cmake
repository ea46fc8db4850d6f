# SPDX-License-Identifier: MIT
#
# fuzz_device, by clang whatever compiler builds the rest: libFuzzer is its own.
# The test starts from nothing with a fixed seed, so that it is the same every
# time. To search on, with a corpus: fuzz_device -len_control=0 -max_len=256 DIR
set(fuzz_runs 50000)
set(fuzz_flags -std=c++20 -O1 -g -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all)

find_program(IPCDEV_FUZZ_CXX NAMES clang++ clang++-19 clang++-16 clang++-14
             DOC "The clang++ that builds fuzz_device")
if(NOT IPCDEV_FUZZ_CXX)
  message(WARNING "no clang++: fuzz_device is not built, core.fuzz is not tested")
  return()
endif()

set(probe ${CMAKE_CURRENT_BINARY_DIR}/fuzz_probe)
file(WRITE ${probe}.cpp
     "extern \"C\" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }\n")
execute_process(COMMAND ${IPCDEV_FUZZ_CXX} ${fuzz_flags} ${probe}.cpp -o ${probe}
                RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
if(NOT status EQUAL 0)
  message(WARNING "${IPCDEV_FUZZ_CXX} has no -fsanitize=fuzzer: "
                  "fuzz_device is not built, core.fuzz is not tested")
  return()
endif()

set(fuzz_sources
  fuzz_device.cpp device_engine.cpp ledger.cpp ledger_laws.cpp scenario_text.cpp trace_words.cpp
  ${core_dir}/device.cpp)
file(GLOB fuzz_headers CONFIGURE_DEPENDS *.h ${core_dir}/*.h ${core_dir}/uapi/*.h)
add_custom_command(
  OUTPUT fuzz_device
  COMMAND ${IPCDEV_FUZZ_CXX} ${fuzz_flags} -I${core_dir} ${fuzz_sources}
          -o ${CMAKE_CURRENT_BINARY_DIR}/fuzz_device
  WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
  DEPENDS ${fuzz_sources} ${fuzz_headers}
  COMMENT "Building fuzz_device with ${IPCDEV_FUZZ_CXX}"
  VERBATIM)
add_custom_target(core_fuzz ALL DEPENDS fuzz_device)

add_test(NAME core.fuzz
         COMMAND fuzz_device -runs=${fuzz_runs} -seed=1 -len_control=0 -max_len=256
                 -artifact_prefix=${CMAKE_CURRENT_BINARY_DIR}/
         WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
set_tests_properties(core.fuzz PROPERTIES TIMEOUT 300
                     ENVIRONMENT "ASAN_OPTIONS=quarantine_size_mb=32")
