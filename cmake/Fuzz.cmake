# How a fuzz target is declared. With KVCLUSTER_FUZZ it becomes a libFuzzer program; else the same
# source becomes a test that runs the inputs it ships with.

add_custom_target(fuzzers)

# kv_fuzz(<name> DEPENDS <layer or target>...)
# fuzz_<name> or fuzz_<name>_replay, of <name>.cpp, with the inputs of corpus/<name>/.
function(kv_fuzz name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "kv_fuzz(${name}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  kv_dependencies(depends ${arg_DEPENDS})
  if(KVCLUSTER_FUZZ)
    set(target fuzz_${name})
    add_executable(${target} EXCLUDE_FROM_ALL ${name}.cpp)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
    add_dependencies(fuzzers ${target})
  else()
    set(target fuzz_${name}_replay)
    add_executable(${target} EXCLUDE_FROM_ALL ${name}.cpp replay_main.cpp)
    add_dependencies(tests ${target})
    add_test(NAME fuzz.${name}_takes_its_corpus
             COMMAND ${target} "${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name}"
                     "${CMAKE_CURRENT_BINARY_DIR}/seeds/${name}")
    set_tests_properties(fuzz.${name}_takes_its_corpus PROPERTIES
                         FIXTURES_REQUIRED fuzz_seeds TIMEOUT 120)
  endif()
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/cpp"
                                               "${PROJECT_SOURCE_DIR}/tests/cpp"
                                               "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(${target} PRIVATE ${depends})
  kv_warnings(${target})
endfunction()
