# ffr_embed(TARGET FILE...): links files into a target, bytes as they are, and gives it embedded_files.cpp, which lists
# them as cli/embedded_files.hpp declares. A file's name in the program is its path below the project.
function(ffr_embed target)
  set(assembly "${CMAKE_CURRENT_BINARY_DIR}/${target}_embedded.S")
  set(table "${CMAKE_CURRENT_BINARY_DIR}/${target}_embedded.cpp")
  set(sections "")
  set(declarations "")
  set(entries "")
  set(index 0)
  foreach(file IN LISTS ARGN)
    get_filename_component(path "${file}" ABSOLUTE BASE_DIR "${PROJECT_SOURCE_DIR}")
    file(RELATIVE_PATH name "${PROJECT_SOURCE_DIR}" "${path}")
    set(symbol "ffr_embedded_${index}")
    # One statement a line: what separates statements within a line differs between assemblers.
    string(APPEND sections "        .globl FFR_SYMBOL(${symbol})\n        .globl FFR_SYMBOL(${symbol}_end)\n"
                           "        .balign 64\nFFR_SYMBOL(${symbol}):\n        .incbin \"${path}\"\n"
                           "FFR_SYMBOL(${symbol}_end):\n        .byte 0\n")
    string(APPEND declarations "extern \"C\" const unsigned char ${symbol}[], ${symbol}_end[];\n")
    string(APPEND entries "    {\"${name}\", ${symbol}, ${symbol}_end},\n")
    set_property(SOURCE "${assembly}" APPEND PROPERTY OBJECT_DEPENDS "${path}")
    math(EXPR index "${index} + 1")
  endforeach()
  file(CONFIGURE OUTPUT "${assembly}" CONTENT [=[
#if defined(__APPLE__)
#define FFR_SYMBOL(name) _##name
        .const_data
#else
#define FFR_SYMBOL(name) name
        .section .rodata
#endif
@sections@
#if defined(__linux__)
        .section .note.GNU-stack,"",%progbits
#endif
]=] @ONLY)
  file(CONFIGURE OUTPUT "${table}" CONTENT [=[
#include "embedded_files.hpp"

@declarations@
const std::vector<EmbeddedFile>& embedded_files() {
    static const std::vector<EmbeddedFile> files{
@entries@    };
    return files;
}
]=] @ONLY)
  target_sources(${target} PRIVATE "${assembly}" "${table}")
endfunction()
