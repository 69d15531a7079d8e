# What `cmake --install` and cpack take: headers, compiled kernels, libffr, weights, the program, and what other projects
# find ffr by.
include(CMakePackageConfigHelpers)

install(DIRECTORY include/ffr DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY weights/ DESTINATION ${CMAKE_INSTALL_DATADIR}/ffr/weights PATTERN exact EXCLUDE)
install(FILES LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(FFR_BUILD_PROGRAM)
  install(TARGETS ffr_program)
  if(TARGET ffr_manual)
    install(FILES ${PROJECT_BINARY_DIR}/cli/ffr.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
    install(FILES ${PROJECT_BINARY_DIR}/cli/ffr.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME ffr)
  endif()
endif()

# Other targets build the kernels only where they link them, but an installation has them.
set_target_properties(ffr_compiled PROPERTIES EXCLUDE_FROM_ALL OFF)
install(TARGETS ffr ffr_compiled EXPORT ffrTargets)
if(FFR_BUILD_C_LIBRARY)
  foreach(kind shared static)
    if(TARGET ffr_c_${kind})
      install(TARGETS ffr_c_${kind} EXPORT ffrTargets)
    endif()
  endforeach()
endif()

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

# For cpack -G TGZ, ZIP or DEB.
set(CPACK_GENERATOR TGZ ZIP)
set(CPACK_PACKAGE_CONTACT "ffr developers <developers@ffr.invalid>")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
include(CPack)
