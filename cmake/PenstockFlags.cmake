# Flags of every target (this file) and of our own code only (the ps_flags target).

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# CMake's own Release flags hold -O3 and -DNDEBUG; our checks stay on in what is shipped.
set(CMAKE_C_FLAGS_RELEASE "-O2")
set(CMAKE_C_FLAGS_DEBUG "-Og -g3")
set(CMAKE_C_FLAGS_SANITIZE "-O1 -g -fno-omit-frame-pointer")
if(CMAKE_BUILD_TYPE STREQUAL "Debug" AND CMAKE_C_COMPILER_ID STREQUAL "Clang")
    set(CMAKE_C_FLAGS_DEBUG "-O0 -g")
endif()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

add_compile_options(-ffunction-sections -fdata-sections)
add_link_options(-Wl,--gc-sections)

if(PENSTOCK_SANITIZE)
    add_compile_options(-fsanitize=${PENSTOCK_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${PENSTOCK_SANITIZE})
endif()
if(PENSTOCK_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
        message(FATAL_ERROR "PENSTOCK_FUZZ needs clang: use the preset 'fuzz'")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
    add_compile_definitions(PENSTOCK_FUZZ=1)
endif()

if(PENSTOCK_HARDEN)
    add_compile_options(-fPIE -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
    add_link_options(-pie -Wl,-z,relro -Wl,-z,now)
endif()

add_library(ps_flags INTERFACE)
target_compile_definitions(ps_flags INTERFACE _GNU_SOURCE PENSTOCK_VERSION="${PROJECT_VERSION}")
target_compile_options(ps_flags INTERFACE
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wundef
    # gcc takes a list head on the stack, linked into its own members, for a pointer that outlives it.
    $<$<C_COMPILER_ID:GNU>:-Wno-dangling-pointer>
    # __FILE__ in messages names the file as the repository does, on every machine.
    -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=
    $<$<BOOL:${PENSTOCK_WERROR}>:-Werror>)
target_link_libraries(ps_flags INTERFACE Threads::Threads)

if(PENSTOCK_LTO)
    include(CheckIPOSupported)
    check_ipo_supported(RESULT ipo OUTPUT why LANGUAGES C)
    if(ipo AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
        # Fat objects, so that the many test executables link without repeating the optimisation.
        set(CMAKE_C_COMPILE_OPTIONS_IPO -flto=auto -ffat-lto-objects)
        set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
    else()
        message(STATUS "link-time optimisation left out: only done with gcc")
    endif()
endif()
