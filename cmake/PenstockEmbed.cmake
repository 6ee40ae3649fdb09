# penstock_embed(TARGET <target> NAME <symbol> FILE <file>): compiles a file's bytes into the target as
#   extern const char <symbol>[]; extern const size_t <symbol>_len;
# The generated C file lies in the build directory.
function(penstock_embed)
    cmake_parse_arguments(E "" "TARGET;NAME;FILE" "" ${ARGN})
    get_filename_component(file ${E_FILE} ABSOLUTE)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/embed_${E_NAME}.c)
    add_custom_command(
        OUTPUT ${out}
        COMMAND ${CMAKE_COMMAND} -DIN=${file} -DOUT=${out} -DNAME=${E_NAME}
                -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
        DEPENDS ${file} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
        VERBATIM)
    target_sources(${E_TARGET} PRIVATE ${out})
endfunction()
