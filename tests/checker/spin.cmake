# Goal: an independent model checker and ours agree about the mutex and its wakeup.
# Method: SPIN explores mutex_wakeup.pml, an abstraction of the core's protocol, once right and once
# with each of two faults; px explores the core itself, without a fault and with the mutants of the
# same names, each in its scenario. Without SPIN the test fails where CI=true, else it says so.
cmake_minimum_required(VERSION 3.25)
if(NOT SPIN)
  if("$ENV{CI}" STREQUAL "true")
    message(FATAL_ERROR "found no spin; expected it on PATH: run scripts/install-deps test")
  endif()
  message(STATUS "SKIPPED: found no spin; scripts/install-deps test installs it")
  return()
endif()

# spin_finds(FAULT RESULT): ON if SPIN finds an error in the model with that fault.
function(spin_finds fault result)
  set(folder ${WORK}/spin-${fault})
  file(MAKE_DIRECTORY ${folder})
  execute_process(COMMAND ${SPIN} -a -DFAULT=${fault} ${MODEL}
    WORKING_DIRECTORY ${folder} COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
  execute_process(COMMAND ${CC} -O1 -w -DSAFETY -DNOREDUCE -o pan pan.c
    WORKING_DIRECTORY ${folder} COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ./pan -m100000
    WORKING_DIRECTORY ${folder} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  if(text MATCHES "too small" OR NOT text MATCHES "errors: ([0-9]+)\n *([0-9]+) states, stored")
    message(FATAL_ERROR "SPIN, fault ${fault}: expected a complete exploration, found:\n${text}")
  endif()
  message(STATUS "SPIN, fault ${fault}: ${CMAKE_MATCH_2} states, ${CMAKE_MATCH_1} errors")
  if(CMAKE_MATCH_1 EQUAL 0)
    set(${result} OFF PARENT_SCOPE)
  else()
    set(${result} ON PARENT_SCOPE)
  endif()
endfunction()

# px_finds(RESULT SCENARIO [--mutant M]): ON if px finds a violation.
function(px_finds result)
  execute_process(COMMAND ${PX} check ${ARGN}
    OUTPUT_VARIABLE text ERROR_VARIABLE text RESULT_VARIABLE status)
  if(status EQUAL 0)
    set(${result} OFF PARENT_SCOPE)
  elseif(status EQUAL 1)
    set(${result} ON PARENT_SCOPE)
  else()
    message(FATAL_ERROR
      "px check ${ARGN}: expected status 0 or 1, found ${status}:\n${text}")
  endif()
  message(STATUS "px check ${ARGN}: status ${status}")
endfunction()

foreach(fault IN ITEMS 0 21 23)
  spin_finds(${fault} spin)
  set(expected ON)
  if(fault EQUAL 0)
    set(expected OFF)
    px_finds(px two-tasks)
  elseif(fault EQUAL 21)
    px_finds(px affinity-of-waiter --mutant M21)
  else()
    px_finds(px two-tasks --mutant M23)
  endif()
  if(NOT spin STREQUAL px OR NOT px STREQUAL expected)
    message(FATAL_ERROR
      "fault ${fault}: expected an error to be found: ${expected}; SPIN: ${spin}, px: ${px}")
  endif()
endforeach()
