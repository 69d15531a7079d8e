# What `cmake --install` and cpack take: headers, compiled kernels, libffr, weights, the program, and what other projects
# find ffr by.

set(libraries ffr ffr_compiled)
foreach(library ffr_c_shared ffr_c_static)
  if(TARGET ${library})
    list(APPEND libraries ${library})
  endif()
endforeach()

# A library that links ffr may be exported all the same: it then refers to ffr::ffr, which its users find by themselves. For
# that, CMake has to know of an export set, of which an installation takes nothing.
if(NOT FFR_INSTALL)
  install(TARGETS ${libraries} EXPORT ffrTargets COMPONENT ffr EXCLUDE_FROM_ALL)
  install(EXPORT ffrTargets NAMESPACE ffr:: DESTINATION lib/cmake/ffr COMPONENT ffr EXCLUDE_FROM_ALL)
  return()
endif()

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
if(NOT PROJECT_IS_TOP_LEVEL)
  set(CMAKE_INSTALL_DOCDIR ${CMAKE_INSTALL_DATAROOTDIR}/doc/ffr)  # may be the other project's, which has a LICENSE too
endif()

# CMake neither builds nor installs what's in a folder added with EXCLUDE_FROM_ALL, but whoever sets FFR_INSTALL wants it. The
# parent evaluates the path, later on; of this folder's variables it has those in the cache.
get_directory_property(excluded EXCLUDE_FROM_ALL)
if(excluded)
  get_directory_property(parent PARENT_DIRECTORY)
  cmake_language(DEFER DIRECTORY "${parent}" CALL install SCRIPT "${ffr_BINARY_DIR}/cmake_install.cmake")
endif()

install(DIRECTORY include/ffr DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY weights/ DESTINATION ${CMAKE_INSTALL_DATADIR}/ffr/weights PATTERN exact EXCLUDE)
install(FILES LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(FFR_BUILD_PROGRAM)
  set_target_properties(ffr_program PROPERTIES EXCLUDE_FROM_ALL OFF)
  install(TARGETS ffr_program)
  if(TARGET ffr_manual)
    set_target_properties(ffr_manual PROPERTIES EXCLUDE_FROM_ALL OFF)
    install(FILES ${PROJECT_BINARY_DIR}/cli/ffr.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
    install(FILES ${PROJECT_BINARY_DIR}/cli/ffr.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME ffr)
  endif()
endif()

# Other targets build the kernels only where they link them, but an installation has them.
set_target_properties(${libraries} PROPERTIES EXCLUDE_FROM_ALL OFF)
install(TARGETS ${libraries} EXPORT ffrTargets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

# For find_package(ffr).
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/ffr)
install(EXPORT ffrTargets NAMESPACE ffr:: DESTINATION ${package_folder})
set(weights_folder ${CMAKE_INSTALL_DATADIR}/ffr/weights)
configure_package_config_file(cmake/ffrConfig.cmake.in ffrConfig.cmake INSTALL_DESTINATION ${package_folder}
                              PATH_VARS weights_folder NO_CHECK_REQUIRED_COMPONENTS_MACRO)
# Before 1.0, a new minor version may change what there is.
write_basic_package_version_file(ffrConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ffrConfig.cmake ${PROJECT_BINARY_DIR}/ffrConfigVersion.cmake cmake/FfrEmbed.cmake
              cmake/FfrNumbers.cmake cmake/FfrStb.cmake DESTINATION ${package_folder})

# For pkg-config, relative to its own file so that the installation can be moved.
file(RELATIVE_PATH prefix_from_pc ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" prefix_from_pc ${prefix_from_pc})
foreach(name ffr ffr-c)
  if(name STREQUAL "ffr" OR FFR_BUILD_C_LIBRARY)
    configure_file(cmake/${name}.pc.in ${name}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  endif()
endforeach()

if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()

# For cpack -G TGZ, ZIP or DEB.
set(CPACK_GENERATOR TGZ ZIP)
set(CPACK_PACKAGE_CONTACT "ffr developers <developers@ffr.invalid>")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
include(CPack)
