# The library and its C interface, without the program, from the sources that this file lies in:
#   vcpkg install ffr --overlay-ports=packaging/vcpkg
# vcpkg's binary cache doesn't notice changes of theirs: add --binarysource=clear after one.
vcpkg_check_linkage(ONLY_STATIC_LIBRARY)
get_filename_component(SOURCE_PATH "${CURRENT_PORT_DIR}/../.." ABSOLUTE)

vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS -DFFR_BUILD_PROGRAM=OFF -DFFR_BUILD_TOOLS=OFF -DFFR_BUILD_TESTS=OFF -DFFR_BUILD_EXAMPLES=OFF -DFFR_WERROR=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/ffr)
vcpkg_fixup_pkgconfig()

# The debug build only adds its library; headers and weights are the same.
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE" "${SOURCE_PATH}/weights/README.md")
