# ffr_find_stb(TARGET PROBLEM): gives an interface library TARGET what includes stb_image.h and stb_image_write.h, from the
# target FFR_STB_TARGET if that's set, or else from the folder FFR_STB_INCLUDE_DIR, which is looked for. Where it can't, it
# sets PROBLEM to a text for the user. Installed with the package, which needs stb as well.
function(ffr_find_stb target problem)
  set(${problem} "" PARENT_SCOPE)
  if(FFR_STB_TARGET)
    if(TARGET ${FFR_STB_TARGET})
      target_link_libraries(${target} INTERFACE ${FFR_STB_TARGET})
    else()
      set(${problem} "FFR_STB_TARGET is ${FFR_STB_TARGET}, but there's no such target yet: it has to be there before ffr."
          PARENT_SCOPE)
    endif()
    return()
  endif()

  find_path(FFR_STB_INCLUDE_DIR stb_image.h PATH_SUFFIXES stb)
  # Some systems have a package for each of the two.
  foreach(header stb_image.h stb_image_write.h)
    if(NOT EXISTS "${FFR_STB_INCLUDE_DIR}/${header}" AND NOT EXISTS "${FFR_STB_INCLUDE_DIR}/stb/${header}")
      set(${problem} "ffr needs stb, and ${header} wasn't found. Packages have it:
  Debian, Ubuntu   libstb-dev
  Fedora           stb_image-devel and stb_image_write-devel
  Homebrew         stb
  vcpkg, Conan     stb
If it's elsewhere, set FFR_STB_INCLUDE_DIR to the folder of stb_image.h and stb_image_write.h, or FFR_STB_TARGET to a CMake \
target that has them, such as stb::stb." PARENT_SCOPE)
      return()
    endif()
  endforeach()
  target_include_directories(${target} SYSTEM INTERFACE "${FFR_STB_INCLUDE_DIR}")
endfunction()
