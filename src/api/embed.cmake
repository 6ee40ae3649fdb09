# cmake -DOUT=FILE.c -DDIR=DIR -DFILES=a;b -P embed.cmake
# Writes the page's files as C arrays: what api/console.h declares.

set(text "// Made by src/api/embed.cmake.\n#include \"api/console.h\"\n\n")
set(table "")
set(n 0)
foreach(file IN LISTS FILES)
    file(READ ${DIR}/${file} hex HEX)
    file(SHA256 ${DIR}/${file} sum)
    string(SUBSTRING ${sum} 0 16 sum)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(................................................................................)"
        "\\1\n" bytes "${bytes}")
    string(APPEND text "static const unsigned char file_${n}[] = {\n${bytes}0};\n\n")
    string(APPEND table "    {\"/${file}\", file_${n}, sizeof file_${n} - 1, \"\\\"${sum}\\\"\"},\n")
    math(EXPR n "${n} + 1")
endforeach()
string(APPEND text "const struct console_file console_files[] = {\n${table}};\n")
string(APPEND text "const size_t console_n_files = ${n};\n")
file(WRITE ${OUT} "${text}")
