# penstock_layer(NAME codec SOURCES a.c ... [DEPENDS base ...] [LIBS tp_llhttp ...])
#
# Makes the static library ps_<name>. Its include path holds one folder per layer it may use, each
# with a single symlink <layer> -> src/<layer>, so that #include "net/x.h" fails to compile below net.

# Each entry may use the entries before it, never a neighbour in its own line.
set(PENSTOCK_LAYERS
    base
    codec
    "io|syntax"
    net
    aws
    "stream|convert|store"
    hub
    bridge
    api
    app)
# The local Kinesis endpoint stands beside the gateway.
set(PENSTOCK_EMULATOR_MAY_USE base codec io net)

function(penstock_layer_rank layer out)
    set(rank 0)
    foreach(line IN LISTS PENSTOCK_LAYERS)
        if("|${line}|" MATCHES "\\|${layer}\\|")
            set(${out} ${rank} PARENT_SCOPE)
            return()
        endif()
        math(EXPR rank "${rank} + 1")
    endforeach()
    set(${out} -1 PARENT_SCOPE)
endfunction()

function(penstock_layer_check name dep)
    if(name STREQUAL "emulator")
        if(NOT dep IN_LIST PENSTOCK_EMULATOR_MAY_USE)
            message(FATAL_ERROR "layer emulator may not use ${dep}: only ${PENSTOCK_EMULATOR_MAY_USE}")
        endif()
    elseif(NOT (name STREQUAL "app" AND dep STREQUAL "emulator"))
        penstock_layer_rank(${name} mine)
        penstock_layer_rank(${dep} its)
        if(its EQUAL -1 OR NOT its LESS mine)
            message(FATAL_ERROR "layer ${name} may not use ${dep}: dependencies point downwards only "
                "(order in cmake/PenstockLayer.cmake)")
        endif()
    endif()
    if(NOT TARGET ps_${dep})
        message(FATAL_ERROR "layer ${name} needs layer ${dep}, which is not there: "
            "src/${dep}/CMakeLists.txt is missing or does not call penstock_layer(NAME ${dep} ...)")
    endif()
endfunction()

function(penstock_layer)
    cmake_parse_arguments(L "" "NAME" "SOURCES;DEPENDS;LIBS" ${ARGN})
    if(NOT L_NAME OR NOT L_SOURCES OR L_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "penstock_layer needs NAME and SOURCES; not understood: ${L_UNPARSED_ARGUMENTS}")
    endif()
    penstock_layer_rank(${L_NAME} rank)
    if(rank EQUAL -1 AND NOT L_NAME STREQUAL "emulator")
        message(FATAL_ERROR "unknown layer ${L_NAME}: add it to cmake/PenstockLayer.cmake")
    endif()

    set(own ${CMAKE_BINARY_DIR}/include/${L_NAME})
    file(MAKE_DIRECTORY ${own})
    file(CREATE_LINK ${CMAKE_SOURCE_DIR}/src/${L_NAME} ${own}/${L_NAME} SYMBOLIC)

    add_library(ps_${L_NAME} STATIC ${L_SOURCES})
    target_include_directories(ps_${L_NAME} PUBLIC ${own})
    target_link_libraries(ps_${L_NAME} PRIVATE ps_flags)
    foreach(dep IN LISTS L_DEPENDS)
        penstock_layer_check(${L_NAME} ${dep})
        target_link_libraries(ps_${L_NAME} PUBLIC ps_${dep})
    endforeach()
    # Private: a library's headers reach the layer that wraps it, and no layer above.
    foreach(lib IN LISTS L_LIBS)
        if(NOT TARGET ${lib})
            message(FATAL_ERROR "layer ${L_NAME}: no such third-party target ${lib} (third_party/CMakeLists.txt)")
        endif()
        target_link_libraries(ps_${L_NAME} PRIVATE ${lib})
    endforeach()
endfunction()
