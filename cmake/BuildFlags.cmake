# Language level, build types, instrumentation and compiler cache: all that holds for every target.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
# One set of objects serves the executables and the Python module.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

get_property(kv_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT CMAKE_BUILD_TYPE AND NOT kv_multi_config)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

# No -g in Release: debug information names the build directory, and would keep the compiler cache
# from serving `build`, the wheel and the tests with the same objects.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g -D_GLIBCXX_ASSERTIONS")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g -DNDEBUG")

# A failed check names its file as the repository does, wherever the tree stands. The build
# directory is mapped away too, so that two of them share the compiler cache.
add_compile_options("-ffile-prefix-map=${CMAKE_BINARY_DIR}=."
                    "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=")

if(KVCLUSTER_SANITIZE)
  add_compile_options(-fsanitize=${KVCLUSTER_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${KVCLUSTER_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC's flow analysis loses track of initialization in instrumented code (GCC bug 105562).
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
  if(KVCLUSTER_SANITIZE MATCHES "thread")
    # ThreadSanitizer does not know fences. Asio puts one on each side of a handler for the sake of
    # code that is ordered by nothing else; ours is ordered by the locks of the io_context.
    add_compile_definitions(ASIO_DISABLE_FENCED_BLOCK)
  endif()
endif()

if(KVCLUSTER_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()

if(KVCLUSTER_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "KVCLUSTER_FUZZ needs clang++: use `cmake --preset fuzz`")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(KVCLUSTER_CCACHE ccache)
mark_as_advanced(KVCLUSTER_CCACHE)
if(KVCLUSTER_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${KVCLUSTER_CCACHE}")
endif()
