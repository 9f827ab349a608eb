# The low-level half of the live world: clock, preemption, foreign locks, stack faults. Included by
# src/live/CMakeLists.txt, which gives PX_LIVE_LOWLEVEL_SOURCES to its px_layer(live ...) and calls
# px_live_lowlevel_setup() after it.

option(PX_INTERPOSE "Count the locks of other libraries that tasks hold (live/foreign.hpp)" ON)

set(PX_LIVE_LOWLEVEL_SOURCES
  clock.cpp elf_file.cpp foreign.cpp preempt_signal.cpp preempt_text.cpp signal_timer.cpp
  stack_fault.cpp thread_state.cpp)
if(PX_INTERPOSE)
  list(APPEND PX_LIVE_LOWLEVEL_SOURCES interpose.cpp)
endif()

# Gathers the code of the static libraries in one section of the executable (see the file). Comes
# with px_live, so an executable needs no option of its own.
set(PX_LIVE_TEXT_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/px_text.ld)
set(PX_LIVE_LOWLEVEL_DIR ${CMAKE_CURRENT_LIST_DIR})

# px_live_lowlevel_test(NAME OPTIONS link-option... SOURCES file...)
function(px_live_lowlevel_test name)
  cmake_parse_arguments(T "" "" "OPTIONS;SOURCES" ${ARGN})
  list(TRANSFORM T_SOURCES PREPEND ${PX_LIVE_LOWLEVEL_DIR}/)
  px_test(${name} LIBS ${T_OPTIONS} px_live SOURCES ${T_SOURCES})
  if(TARGET ${name})
    target_compile_definitions(${name} PRIVATE PX_INTERPOSE=$<BOOL:${PX_INTERPOSE}>)
  endif()
endfunction()

function(px_live_lowlevel_setup)
  set_property(SOURCE ${PX_LIVE_LOWLEVEL_DIR}/foreign.cpp TARGET_DIRECTORY px_live
    APPEND PROPERTY COMPILE_DEFINITIONS PX_INTERPOSE=$<BOOL:${PX_INTERPOSE}>)
  target_link_libraries(px_live PUBLIC ${CMAKE_DL_LIBS})
  target_link_options(px_live INTERFACE -Wl,-T,${PX_LIVE_TEXT_SCRIPT})

  px_live_lowlevel_test(px_live_lowlevel_test
    SOURCES clock_test.cpp foreign_test.cpp preempt_signal_test.cpp preempt_text_test.cpp
      signal_timer_test.cpp stack_fault_test.cpp thread_state_test.cpp)
  # Without a shared C++ library in the process, not even through Boost. (The sanitizers need one.)
  if(NOT PX_SANITIZE)
    px_live_lowlevel_test(px_live_static_runtime_test
      OPTIONS -static-libstdc++ -Wl,--as-needed SOURCES foreign_test.cpp)
  endif()
  foreach(linker bfd lld)
    find_program(PX_LD_${linker} ld.${linker})
    if(PX_LD_${linker})
      px_live_lowlevel_test(px_live_text_${linker}_test
        OPTIONS -fuse-ld=${linker} SOURCES px_text_test.cpp)
    endif()
  endforeach()
endfunction()
