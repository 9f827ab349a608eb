# Off means off: proxying switched off by the run, by the environment, by the locks, and left out of
# the build give the same bytes for 1,000 random workloads; and in at least half of them proxying
# changes who executes when, or the comparison would say nothing.
#
# cmake -D WITH=off_hashes [-D WITHOUT=off_hashes_without] -P compare.cmake
cmake_minimum_required(VERSION 3.25)

function(hashes result program mode)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env ${ARGN} ${program} ${mode}
                  OUTPUT_VARIABLE out RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${program} ${mode} ended with ${status}")
  endif()
  string(STRIP "${out}" out)
  string(REPLACE "\n" ";" lines "${out}")
  list(LENGTH lines count)
  if(NOT count EQUAL 1000)
    message(FATAL_ERROR "${program} ${mode} printed ${count} lines, 1000 expected")
  endif()
  set(${result} "${lines}" PARENT_SCOPE)
endfunction()

# Stops at the first workload whose hashes differ.
function(expect_same what expected found)
  foreach(line other IN ZIP_LISTS expected found)
    if(NOT line STREQUAL other)
      message(FATAL_ERROR "${what}: workload and hashes are \"${other}\", \"${line}\" expected")
    endif()
  endforeach()
  message(STATUS "${what}: the same 1000 results")
endfunction()

hashes(none ${WITH} none --unset=PX_PROXY_EXEC)
hashes(runtime ${WITH} runtime --unset=PX_PROXY_EXEC)
hashes(environment ${WITH} environment PX_PROXY_EXEC=0)
hashes(proxy ${WITH} proxy --unset=PX_PROXY_EXEC)
expect_same("off by the run" "${none}" "${runtime}")
expect_same("off by the environment" "${none}" "${environment}")
if(WITHOUT)
  foreach(mode IN ITEMS proxy none runtime)
    hashes(without ${WITHOUT} ${mode} --unset=PX_PROXY_EXEC)
    expect_same("built without, mode ${mode}" "${none}" "${without}")
  endforeach()
endif()

# A line is "SEED RESULT TIMELINE". The result names its protocol, so it always differs.
set(differing 0)
foreach(line other IN ZIP_LISTS none proxy)
  string(REGEX REPLACE ".* " "" timeline "${line}")
  string(REGEX REPLACE ".* " "" other_timeline "${other}")
  if(NOT timeline STREQUAL other_timeline)
    math(EXPR differing "${differing} + 1")
  endif()
endforeach()
if(differing LESS 500)
  message(FATAL_ERROR "proxying changes ${differing} of 1000 timelines, at least 500 expected")
endif()
message(STATUS "proxying changes ${differing} of 1000 timelines")
