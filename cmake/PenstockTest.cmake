# penstock_unit_test(NAME n LAYER l SOURCES test_n.c ... [DEPENDS layer ...] [LIBS tp_... ...])
# A cmocka executable that links its layer and what that layer may use, and nothing above it.

set(PENSTOCK_VECTORS ${CMAKE_SOURCE_DIR}/../shared/vectors)
if(DEFINED ENV{PENSTOCK_VECTORS})
    set(PENSTOCK_VECTORS $ENV{PENSTOCK_VECTORS})
endif()

function(penstock_unit_test)
    cmake_parse_arguments(T "" "NAME;LAYER" "SOURCES;DEPENDS;LIBS" ${ARGN})
    if(NOT T_NAME OR NOT T_LAYER OR NOT T_SOURCES OR T_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "penstock_unit_test needs NAME, LAYER, SOURCES; not understood: ${T_UNPARSED_ARGUMENTS}")
    endif()
    if(NOT PENSTOCK_TESTS)
        return()
    endif()
    set(target test_${T_LAYER}_${T_NAME})
    add_executable(${target} ${T_SOURCES})
    set_target_properties(${target} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test/unit/${T_LAYER}
        INTERPROCEDURAL_OPTIMIZATION OFF)
    if(CMAKE_INTERPROCEDURAL_OPTIMIZATION)
        target_link_options(${target} PRIVATE -fno-lto)
    endif()
    target_link_libraries(${target} PRIVATE ps_flags tp_cmocka)
    if(TARGET ps_testlib)
        target_link_libraries(${target} PRIVATE ps_testlib)
    endif()
    foreach(layer IN ITEMS ${T_LAYER} LISTS T_DEPENDS)
        if(NOT TARGET ps_${layer})
            message(FATAL_ERROR "unit test ${T_NAME}: layer ${layer} is not there (src/${layer}/CMakeLists.txt)")
        endif()
        target_link_libraries(${target} PRIVATE ps_${layer})
    endforeach()
    target_link_libraries(${target} PRIVATE ${T_LIBS})

    add_test(NAME ${T_LAYER}.${T_NAME} COMMAND ${target} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${T_LAYER}.${T_NAME} PROPERTIES
        LABELS "unit"
        TIMEOUT 300
        ENVIRONMENT "PENSTOCK_VECTORS=${PENSTOCK_VECTORS}")
endfunction()

# penstock_fuzzer(NAME n LAYER l SOURCES fuzz_n.c ...): a libFuzzer executable fuzz_<n>.
function(penstock_fuzzer)
    cmake_parse_arguments(F "" "NAME;LAYER" "SOURCES;LIBS" ${ARGN})
    if(NOT F_NAME OR NOT F_LAYER OR NOT F_SOURCES OR F_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "penstock_fuzzer needs NAME, LAYER, SOURCES; not understood: ${F_UNPARSED_ARGUMENTS}")
    endif()
    if(NOT PENSTOCK_FUZZ)
        return()
    endif()
    add_executable(fuzz_${F_NAME} ${F_SOURCES})
    set_target_properties(fuzz_${F_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test/fuzz)
    target_link_libraries(fuzz_${F_NAME} PRIVATE ps_flags ps_${F_LAYER} ${F_LIBS})
    target_link_options(fuzz_${F_NAME} PRIVATE -fsanitize=fuzzer)
endfunction()
