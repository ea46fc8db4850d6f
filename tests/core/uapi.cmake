# SPDX-License-Identifier: MIT
#
# uapi/ipcdev.h as programs include it: C of several standards, C++, 32 bits. To
# compile is to pass.
set(uapi_warnings -Wall -Wextra -pedantic -Werror -fsyntax-only)

function(uapi_test name)
  add_test(NAME core.uapi_compiles_as_${name}
           COMMAND ${ARGN} -I${core_dir} ${CMAKE_CURRENT_SOURCE_DIR}/uapi_layout.c)
  set_tests_properties(core.uapi_compiles_as_${name} PROPERTIES TIMEOUT 60)
endfunction()

uapi_test(c99 ${CMAKE_C_COMPILER} -std=c99 ${uapi_warnings})
uapi_test(gnu11 ${CMAKE_C_COMPILER} -std=gnu11 ${uapi_warnings})
uapi_test(cxx98 ${CMAKE_CXX_COMPILER} -x c++ -std=c++98 ${uapi_warnings})
uapi_test(cxx20 ${CMAKE_CXX_COMPILER} -x c++ -std=c++20 ${uapi_warnings})

# The kernel's headers are the same for both widths, but may lie where only the
# 64-bit compiler looks.
execute_process(COMMAND ${CMAKE_C_COMPILER} -print-multiarch
                OUTPUT_VARIABLE multiarch OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
set(uapi_m32 ${CMAKE_C_COMPILER} -m32 -idirafter /usr/include/${multiarch} -std=c99)
execute_process(COMMAND ${uapi_m32} -fsyntax-only -include linux/ioctl.h -x c /dev/null
                RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
if(status EQUAL 0)
  uapi_test(32_bit_c ${uapi_m32} ${uapi_warnings})
else()
  message(WARNING "${CMAKE_C_COMPILER} has no -m32: uapi/ipcdev.h is not tested for 32 bits")
endif()
