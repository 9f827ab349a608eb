# The layers of the house as targets, so that an include against the dependency rules does not
# compile.
#
# Each folder src/NAME is reached as "NAME/file.hpp" through an include folder of its own, which
# holds nothing but a link to it. A layer is compiled with its own include folder and those of the
# layers that it names in USES, and no others: what a used layer uses in turn is not seen. Whoever
# links a layer from outside (tests, tools) sees what the layer's façade may need: the layer itself
# and its USES, without the inner layers core and fiber.
get_filename_component(PX_SOURCE_ROOT ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)
set(PX_INCLUDE_ROOT ${CMAKE_BINARY_DIR}/px-layers)
set(PX_INNER_LAYERS core fiber)
set(PX_THREADED_LAYERS fiber live)

set(PX_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor)
if(PX_WERROR)
  list(APPEND PX_WARNINGS -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  list(APPEND PX_WARNINGS -Wthread-safety)
elseif(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 sees overlapping copies in "literal" + std::string (its bug 105329).
  list(APPEND PX_WARNINGS -Wno-restrict)
endif()

# How this project compiles its own code. Never part of an installed target.
add_library(px_options INTERFACE)
target_compile_features(px_options INTERFACE cxx_std_20)
target_compile_options(px_options INTERFACE ${PX_WARNINGS} -fno-omit-frame-pointer)
if(PX_SANITIZE)
  target_compile_options(px_options INTERFACE
    -fsanitize=${PX_SANITIZE} -fno-sanitize-recover=all -g1)
  target_link_options(px_options INTERFACE -fsanitize=${PX_SANITIZE})
endif()
if(PX_TESTS)
  add_custom_target(px_sanitized_tests)
  add_custom_target(px_threaded_tests)
endif()
if(PX_FUZZ)
  add_custom_target(px_fuzzers)
endif()
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)

# The include folder of one layer, made on first use: layers may name later ones' folders.
function(px_include_folder result layer)
  set(folder ${PX_INCLUDE_ROOT}/${layer})
  if(NOT EXISTS ${folder}/${layer})
    file(MAKE_DIRECTORY ${folder})
    file(CREATE_LINK ${PX_SOURCE_ROOT}/src/${layer} ${folder}/${layer} SYMBOLIC)
  endif()
  set(${result} ${folder} PARENT_SCOPE)
endfunction()

# px_layer(NAME [USES layer...] [LIBS target...] SOURCES file...): a static library px_NAME.
function(px_layer name)
  cmake_parse_arguments(L "" "" "USES;LIBS;SOURCES" ${ARGN})
  set_property(GLOBAL PROPERTY PX_LAYER_${name}_USES ${L_USES})
  set_property(GLOBAL PROPERTY PX_LAYER_${name}_LIBS ${L_LIBS})
  add_library(px_${name} STATIC ${L_SOURCES})
  px_layer_usage(px_${name} ${name})
endfunction()

# Gives a target the include folders, libraries and options of a layer.
function(px_layer_usage target name)
  get_property(uses GLOBAL PROPERTY PX_LAYER_${name}_USES)
  get_property(libs GLOBAL PROPERTY PX_LAYER_${name}_LIBS)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(${target} PRIVATE px_options PUBLIC ${libs})
  foreach(layer IN LISTS name uses)
    px_include_folder(folder ${layer})
    target_include_directories(${target} PRIVATE ${folder})
    if(NOT layer IN_LIST PX_INNER_LAYERS OR layer STREQUAL name)
      target_include_directories(${target} INTERFACE ${folder})
    endif()
  endforeach()
  # Linked, without passing on what they see. The core is headers only and has nothing to link.
  foreach(layer IN LISTS uses)
    if(NOT layer STREQUAL "core")
      target_link_libraries(${target} INTERFACE $<LINK_ONLY:px_${layer}>)
    endif()
  endforeach()
endfunction()

# px_layer_without_proxy(NAME [OBJECT]): target px_NAME_off, the layer's sources once more with
# proxy execution compiled out, for the tests that hold it against the ordinary build.
function(px_layer_without_proxy name)
  cmake_parse_arguments(L "OBJECT" "" "" ${ARGN})
  get_target_property(sources px_${name} SOURCES)
  get_target_property(folder px_${name} SOURCE_DIR)
  foreach(source IN LISTS sources)
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${folder})
    list(APPEND absolute ${source})
    # Properties of sources are seen in their own folder only.
    get_source_file_property(extra ${source} TARGET_DIRECTORY px_${name} COMPILE_DEFINITIONS)
    if(extra)
      set_source_files_properties(${source} PROPERTIES COMPILE_DEFINITIONS "${extra}")
    endif()
  endforeach()
  if(L_OBJECT)
    add_library(px_${name}_off OBJECT ${absolute})
  else()
    add_library(px_${name}_off STATIC ${absolute})
  endif()
  px_layer_usage(px_${name}_off ${name})
  get_target_property(includes px_${name} INCLUDE_DIRECTORIES)
  target_include_directories(px_${name}_off PRIVATE ${includes})
  get_target_property(definitions px_${name} COMPILE_DEFINITIONS)
  list(FILTER definitions EXCLUDE REGEX "^PX_PROXY_EXEC=|NOTFOUND$")
  target_compile_definitions(px_${name}_off PRIVATE ${definitions} PUBLIC PX_PROXY_EXEC=0)
endfunction()

# px_test(NAME [LABEL label] LIBS target... SOURCES file...): one GoogleTest executable, found by
# ctest. A test that stands in a layer's folder sees what the layer sees.
function(px_test name)
  if(NOT PX_TESTS)
    return()
  endif()
  cmake_parse_arguments(T "" "LABEL;FIXTURE" "LIBS;SOURCES" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_link_libraries(${name} PRIVATE px_options ${T_LIBS} GTest::gtest_main)
  set(label whole)  # tests of whole runs
  if(T_LABEL)
    set(label ${T_LABEL})
  endif()
  cmake_path(GET CMAKE_CURRENT_SOURCE_DIR PARENT_PATH parent)
  if(parent STREQUAL ${PX_SOURCE_ROOT}/src)
    cmake_path(GET CMAKE_CURRENT_SOURCE_DIR FILENAME layer)
    # What scripts/test runs under the sanitizers; where there are threads, also under theirs.
    set(label sanitized)
    add_dependencies(px_sanitized_tests ${name})
    if(layer IN_LIST PX_THREADED_LAYERS)
      set(label threaded)
      add_dependencies(px_threaded_tests ${name})
    endif()
    get_property(uses GLOBAL PROPERTY PX_LAYER_${layer}_USES)
    foreach(used IN LISTS layer uses)
      px_include_folder(folder ${used})
      target_include_directories(${name} PRIVATE ${folder})
    endforeach()
  endif()
  set(fixture)
  if(T_FIXTURE)
    set(fixture FIXTURES_REQUIRED ${T_FIXTURE})
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 120
    PROPERTIES TIMEOUT ${PX_TEST_TIMEOUT} LABELS "${label}" ${fixture})
endfunction()

# px_headers_alone(NAME FOLDERS folder... HEADERS "a/b.hpp"...): each header compiles by itself with
# nothing but these include folders.
function(px_headers_alone name)
  cmake_parse_arguments(H "" "" "FOLDERS;HEADERS" ${ARGN})
  foreach(header IN LISTS H_HEADERS)
    string(MAKE_C_IDENTIFIER ${header} file)
    set(source ${CMAKE_CURRENT_BINARY_DIR}/${name}/${file}.cpp)
    # Twice: the second time must be a no-op.
    file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"\n#include \"${header}\"\n")
    list(APPEND sources ${source})
  endforeach()
  add_library(${name} OBJECT ${sources})
  target_link_libraries(${name} PRIVATE px_options)
  target_include_directories(${name} PRIVATE ${H_FOLDERS})
endfunction()
