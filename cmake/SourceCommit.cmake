# kvcluster::commit gives <kvcluster_commit.hpp>, in which KVCLUSTER_COMMIT names the commit that the
# sources are at: looked up with every build, since it changes without a new configuration. It ends
# in "-dirty" when the sources differ from it, and is "unknown" where git does not know them.
#
# This file is also the script that writes the header.
if(CMAKE_SCRIPT_MODE_FILE)
  cmake_policy(VERSION 3.25)
  execute_process(
    COMMAND git -C ${SOURCE_DIR} describe --always --dirty --exclude=*
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if("${commit}" STREQUAL "")
    set(commit "unknown")
  endif()
  file(CONFIGURE OUTPUT ${HEADER} CONTENT "#pragma once\n#define KVCLUSTER_COMMIT \"@commit@\"\n"
       @ONLY)
  return()
endif()

set(_directory ${CMAKE_BINARY_DIR}/source_commit)
set(_write ${CMAKE_COMMAND} -D SOURCE_DIR=${PROJECT_SOURCE_DIR}
           -D HEADER=${_directory}/kvcluster_commit.hpp -P ${CMAKE_CURRENT_LIST_FILE})
execute_process(COMMAND ${_write} COMMAND_ERROR_IS_FATAL ANY)  # for tools that do not build
add_custom_target(kvcluster_commit_header
  COMMAND ${_write}
  BYPRODUCTS ${_directory}/kvcluster_commit.hpp
  COMMENT "" VERBATIM)
add_library(kvcluster_commit INTERFACE)
add_library(kvcluster::commit ALIAS kvcluster_commit)
target_include_directories(kvcluster_commit INTERFACE ${_directory})
add_dependencies(kvcluster_commit kvcluster_commit_header)
