# Goal: what README.md says under "Use it" works, with an installed package and as a subdirectory.
# Method: builds and runs counter.cpp in a build folder of its own. WAY = installed: the package is
# installed into a fresh prefix first. The program must print the sum that mutual exclusion gives.
cmake_minimum_required(VERSION 3.25)
function(run)
  execute_process(COMMAND ${ARGN}
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

set(build ${SCRATCH}/${WAY})
# Debug: the subdirectory compiles the library once more, and no test of its speed.
set(options -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER=${COMPILER}
  -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
if(WAY STREQUAL "installed")
  set(prefix ${SCRATCH}/prefix)
  file(REMOVE_RECURSE ${prefix} ${build})
  run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix} --component library)
  list(APPEND options -DCMAKE_PREFIX_PATH=${prefix})
else()
  list(APPEND options -DPROXYEXEC=${SOURCE})
endif()
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/${WAY} -B ${build} ${options})
run(${CMAKE_COMMAND} --build ${build} --target counter)
run(${build}/counter)
if(NOT output STREQUAL "20000\n")
  message(FATAL_ERROR "expected 20000, got: ${output}")
endif()
