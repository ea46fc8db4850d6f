# SPDX-License-Identifier: MIT
#
# -DIPCDEV_SANITIZE="address;undefined" or "thread": for the whole build.
set(IPCDEV_SANITIZE "" CACHE STRING "Sanitizers, as a list: address;undefined or thread")

foreach(sanitizer IN LISTS IPCDEV_SANITIZE)
  add_compile_options(-fsanitize=${sanitizer})
  add_link_options(-fsanitize=${sanitizer})
endforeach()
if(IPCDEV_SANITIZE)
  add_compile_options(-fno-omit-frame-pointer -fno-sanitize-recover=all)
endif()
