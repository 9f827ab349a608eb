# cmake -DOUTPUT=x.cpp -DFOLDER=f -DFILES=a,b -P embed.cmake
#
# Turns text files into one C++ file that defines, in px::report, a std::string_view for each:
# page.html becomes kPageHtml (declared in embedded.hpp).
set(limit 65000)  # what every compiler takes in one literal without a warning
set(text "#include \"report/embedded.hpp\"\n\nnamespace px::report {\n\n")
string(REPLACE "," ";" files "${FILES}")
foreach(file IN LISTS files)
  file(READ "${FOLDER}/${file}" content)
  string(LENGTH "${content}" length)
  if(length GREATER limit)
    message(FATAL_ERROR "${file}: ${length} bytes; split it, a literal takes ${limit}")
  endif()
  set(symbol k)
  string(REGEX MATCHALL "[A-Za-z0-9]+" words ${file})
  foreach(word IN LISTS words)
    string(SUBSTRING ${word} 0 1 head)
    string(SUBSTRING ${word} 1 -1 tail)
    string(TOUPPER ${head} head)
    string(APPEND symbol ${head}${tail})
  endforeach()
  string(APPEND text "const std::string_view ${symbol} = R\"pxembed(${content})pxembed\";\n\n")
endforeach()
string(APPEND text "}  // namespace px::report\n")
file(WRITE "${OUTPUT}" "${text}")
