# px::px, the library that programs link: one archive of the live world and the layers under it, the
# public headers, and the linker script that keeps the library's code apart from the program's.
set(PX_PUBLIC_FOLDER ${CMAKE_CURRENT_SOURCE_DIR}/include)
file(GLOB PX_PUBLIC_HEADERS CONFIGURE_DEPENDS RELATIVE ${PX_PUBLIC_FOLDER}
  ${PX_PUBLIC_FOLDER}/px/*.hpp)
set(PX_TEXT_SCRIPT ${CMAKE_CURRENT_SOURCE_DIR}/src/live/px_text.ld)
set(PX_PACKAGE_FOLDER lib/cmake/px)

add_library(px_library STATIC
  $<TARGET_OBJECTS:px_base> $<TARGET_OBJECTS:px_policy> $<TARGET_OBJECTS:px_trace>
  $<TARGET_OBJECTS:px_workload> $<TARGET_OBJECTS:px_fiber> $<TARGET_OBJECTS:px_live>)
add_library(px::px ALIAS px_library)
# px_text.ld knows the library by this name.
set_target_properties(px_library PROPERTIES
  OUTPUT_NAME px EXPORT_NAME px LINKER_LANGUAGE CXX ARCHIVE_OUTPUT_DIRECTORY lib)
target_compile_features(px_library PUBLIC cxx_std_20)
target_link_libraries(px_library PUBLIC Threads::Threads
  INTERFACE $<LINK_ONLY:Boost::context> $<LINK_ONLY:fmt::fmt> ${CMAKE_DL_LIBS})
list(TRANSFORM PX_PUBLIC_HEADERS PREPEND ${PX_PUBLIC_FOLDER}/ OUTPUT_VARIABLE files)
target_sources(px_library PUBLIC
  FILE_SET HEADERS BASE_DIRS ${PX_PUBLIC_FOLDER} FILES ${files})
target_link_options(px_library INTERFACE
  $<BUILD_INTERFACE:-Wl,-T,${PX_TEXT_SCRIPT}>
  $<INSTALL_INTERFACE:-Wl,-T,$<INSTALL_PREFIX>/${PX_PACKAGE_FOLDER}/px_text.ld>)
if(PX_SANITIZE)
  target_link_options(px_library INTERFACE -fsanitize=${PX_SANITIZE})
endif()

if(PX_INSTALL)
  include(CMakePackageConfigHelpers)
  configure_package_config_file(
    ${CMAKE_CURRENT_SOURCE_DIR}/cmake/pxConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/pxConfig.cmake
    INSTALL_DESTINATION ${PX_PACKAGE_FOLDER})
  write_basic_package_version_file(
    ${CMAKE_CURRENT_BINARY_DIR}/pxConfigVersion.cmake COMPATIBILITY SameMinorVersion)
  install(TARGETS px_library EXPORT px-targets COMPONENT library
    ARCHIVE DESTINATION lib FILE_SET HEADERS DESTINATION include)
  install(EXPORT px-targets NAMESPACE px:: DESTINATION ${PX_PACKAGE_FOLDER} COMPONENT library)
  install(FILES ${PX_TEXT_SCRIPT}
      ${CMAKE_CURRENT_BINARY_DIR}/pxConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/pxConfigVersion.cmake
    DESTINATION ${PX_PACKAGE_FOLDER} COMPONENT library)
endif()
