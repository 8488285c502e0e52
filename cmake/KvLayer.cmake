# How a layer, a test and a program are declared. A dependency without `::` names a layer.

# The version, for what shows it: DEPENDS version. A definition on few targets, so that a new
# version does not compile everything anew.
add_library(kvcluster_version INTERFACE)
add_library(kvcluster::version ALIAS kvcluster_version)
target_compile_definitions(kvcluster_version INTERFACE KVCLUSTER_VERSION="${PROJECT_VERSION}")

# Builds every test binary. They are no part of `all`: who only wants the programs does not wait.
add_custom_target(tests)

function(kv_dependencies out)
  set(targets "")
  foreach(dependency IN LISTS ARGN)
    if(dependency MATCHES "::")
      list(APPEND targets ${dependency})
    else()
      list(APPEND targets kvcluster::${dependency})
    endif()
  endforeach()
  set(${out} ${targets} PARENT_SCOPE)
endfunction()

# Warnings are errors, on our code only: imported targets are SYSTEM.
function(kv_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
endfunction()

# kv_layer(<name> [SOURCES <file>...] [DEPENDS <layer or target>...] [PRIVATE_DEPENDS ...])
# A static library kvcluster::<name> (an interface library when it has no sources), whose headers
# are included as "<name>/<file>.hpp".
function(kv_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "kv_layer(${name}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  kv_dependencies(depends ${arg_DEPENDS})
  kv_dependencies(private_depends ${arg_PRIVATE_DEPENDS})
  set(target kvcluster_${name})
  if(arg_SOURCES)
    add_library(${target} STATIC ${arg_SOURCES})
    target_include_directories(${target} PUBLIC "${PROJECT_SOURCE_DIR}/cpp")
    target_link_libraries(${target} PUBLIC ${depends} PRIVATE ${private_depends})
    kv_warnings(${target})
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE "${PROJECT_SOURCE_DIR}/cpp")
    target_link_libraries(${target} INTERFACE ${depends} ${private_depends})
  endif()
  add_library(kvcluster::${name} ALIAS ${target})
endfunction()

# kv_test(<name> SOURCES <file>... DEPENDS <layer or target>...)
# A GoogleTest binary <name>_test, each test of it known to ctest. A binary that was not built is a
# failing test, never a missing one.
function(kv_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPENDS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "kv_test(${name}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  kv_dependencies(depends ${arg_DEPENDS})
  set(target ${name}_test)
  add_executable(${target} EXCLUDE_FROM_ALL ${arg_SOURCES})
  # tests/cpp is an include root too, for fixtures that layers share.
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/cpp"
                                               "${PROJECT_SOURCE_DIR}/tests/cpp")
  target_link_libraries(${target} PRIVATE ${depends} GTest::gmock GTest::gtest_main)
  target_compile_definitions(${target} PRIVATE
                             KV_TEST_DATA_DIR="${PROJECT_SOURCE_DIR}/tests/cpp")
  kv_warnings(${target})
  add_dependencies(tests ${target})
  gtest_discover_tests(${target} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
                       PROPERTIES TIMEOUT 120)
endfunction()

# kv_binary(<name> SOURCES <file>... DEPENDS <layer or target>...)
# A program at the root of the build directory; installed, and put on PATH by the wheel.
function(kv_binary name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPENDS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "kv_binary(${name}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  kv_dependencies(depends ${arg_DEPENDS})
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/cpp")
  target_link_libraries(${name} PRIVATE ${depends} kvcluster::version)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
  kv_warnings(${name})
  if(SKBUILD)
    install(TARGETS ${name} RUNTIME DESTINATION "${SKBUILD_SCRIPTS_DIR}")
  else()
    include(GNUInstallDirs)
    install(TARGETS ${name} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
  endif()
endfunction()
