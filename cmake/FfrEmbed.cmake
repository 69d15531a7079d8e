# Puts weights into programs. Installed with the package, so that it needs nothing else of ffr's but FfrNumbers.cmake.
#
#   ffr_embed_weights(TARGET FILE...)
#
# links weight files into a target, which has to link ffr::ffr or ffr::compiled, and gives it a header TARGET_weights.hpp
# with a function that opens them where they lie, without a copy:
#
#   ffr_embed_weights(app hog_frontal.ffr models/people.ffr)
#
#   #include "app_weights.hpp"
#   const auto detector = ffr::FaceDetector::load(app_weights("hog_frontal.ffr"));
#
# A file is one of your own, relative to the current source folder, or one of those that come with ffr; it's opened by its
# name without folders. In TARGET_weights, whatever can't stand in a C++ name is an underscore. Call it once a target.

include(CheckCXXSourceCompiles)

# ffr_assembler_include(TEXT SYMBOL FILE): sets TEXT to C++ that has the assembler include a file as the bytes SYMBOL.
function(ffr_assembler_include text symbol file)
  if(APPLE)
    set(section "__DATA,__const")
  else()
    set(section ".rodata")
  endif()
  set(${text} "__asm__(R\"(
.pushsection ${section}
.balign 64
${symbol}:
.incbin \"${file}\"
.popsection
)\");
extern const unsigned char ${symbol}[] __asm__(\"${symbol}\");
" PARENT_SCOPE)
endfunction()

# Can the compiler do that? Otherwise files become arrays of numbers, which take longer to compile.
ffr_assembler_include(ffr_trial ffr_file "${CMAKE_CURRENT_LIST_FILE}")
check_cxx_source_compiles("${ffr_trial}\nint main() { return ffr_file[0]; }" FFR_ASSEMBLER_INCLUDES_FILES)

# ffr_embedded_files(DEFINITIONS TARGET SOURCE FILE...): sets DEFINITIONS to C++ that defines ffr_file_0, ffr_file_1 and so
# on, the files' bytes, each beginning at a multiple of 64. The caller writes it into SOURCE, which becomes part of TARGET
# and is compiled again when a file changes.
function(ffr_embedded_files definitions target source)
  target_sources(${target} PRIVATE "${source}")
  set(text "#include <cstdint>\n\n")
  set(index 0)
  foreach(file IN LISTS ARGN)
    if(FFR_ASSEMBLER_INCLUDES_FILES)
      ffr_assembler_include(definition ffr_file_${index} "${file}")
      string(APPEND text "${definition}")
      set_property(SOURCE "${source}" APPEND PROPERTY OBJECT_DEPENDS "${file}")
    else()
      set(numbers "${source}.${index}.inc")
      add_custom_command(OUTPUT "${numbers}" DEPENDS "${file}" VERBATIM
        COMMAND ${CMAKE_COMMAND} "-DFILE=${file}" "-DNUMBERS=${numbers}" -P "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/FfrNumbers.cmake")
      string(APPEND text "alignas(64) static const std::uint64_t ffr_numbers_${index}[] = {\n#include \"${numbers}\"\n};\n"
                         "static const auto* const ffr_file_${index} = "
                         "reinterpret_cast<const unsigned char*>(ffr_numbers_${index});\n")
      target_sources(${target} PRIVATE "${numbers}")
    endif()
    # The caller writes sizes down, and a file of another size needs that again.
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
    math(EXPR index "${index} + 1")
  endforeach()
  if(FFR_ASSEMBLER_INCLUDES_FILES)
    # Link-time optimisation may part the assembler's text from the code that uses its names.
    set_property(SOURCE "${source}" APPEND PROPERTY COMPILE_OPTIONS -fno-lto)
  endif()
  set(${definitions} "${text}" PARENT_SCOPE)
endfunction()

function(ffr_embed_weights target)
  string(MAKE_C_IDENTIFIER "${target}_weights" function)
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/ffr_embedded/${target}")
  set(source "${folder}/${function}.cpp")
  set(paths "")
  set(names "")
  set(cases "")
  foreach(file IN LISTS ARGN)
    get_filename_component(path "${file}" ABSOLUTE)
    if(NOT EXISTS "${path}")
      get_filename_component(path "${file}" ABSOLUTE BASE_DIR "${ffr_WEIGHTS_DIR}")
    endif()
    if(NOT EXISTS "${path}")
      message(FATAL_ERROR "ffr_embed_weights: ${file} is neither in ${CMAKE_CURRENT_SOURCE_DIR} nor in ${ffr_WEIGHTS_DIR}")
    endif()
    get_filename_component(name "${path}" NAME)
    file(SIZE "${path}" size)
    list(LENGTH paths index)
    list(APPEND paths "${path}")
    string(APPEND names "/// ${name}\n")
    string(APPEND cases "    if (name == \"${name}\") return ffr::WeightsFile::from_memory(ffr_file_${index}, ${size}, "
                        "\"embedded \" + name);\n")
  endforeach()
  ffr_embedded_files(definitions ${target} "${source}" ${paths})
  file(CONFIGURE OUTPUT "${folder}/${function}.hpp" CONTENT [=[
#pragma once
/// \file
/// Weights that are part of @target@ itself:
@names@
#include <string>

#include "ffr/base/weights_file.hpp"

/// Opens one of them where it lies, without a copy. \throws ffr::FileError for another name
ffr::WeightsFile @function@(const std::string& name);
]=] @ONLY)
  file(CONFIGURE OUTPUT "${source}" CONTENT [=[
#include "@function@.hpp"

@definitions@
ffr::WeightsFile @function@(const std::string& name) {
@cases@    throw ffr::FileError(name + ": no such weights in @target@");
}
]=] @ONLY)
  target_include_directories(${target} PRIVATE "${folder}")
endfunction()
