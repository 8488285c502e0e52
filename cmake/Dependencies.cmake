# The libraries the layers may link, as imported targets. All of them are Debian packages; a missing
# one ends the configure step with one line that names its package.

function(kv_missing what package)
  message(FATAL_ERROR "${what} is missing: install the Debian package ${package} "
                      "(apt-get install ${package}), or run ./dev build, which does it.")
endfunction()

macro(kv_find_package name package)
  find_package(${name} ${ARGN} QUIET)
  if(NOT ${name}_FOUND)
    kv_missing(${name} ${package})
  endif()
endmacro()

# A plain C or header-only library without CMake files of its own becomes kvcluster::dep_<name>.
function(kv_find_library name header library package)
  find_path(KVCLUSTER_${name}_INCLUDE ${header})
  mark_as_advanced(KVCLUSTER_${name}_INCLUDE)
  if(NOT KVCLUSTER_${name}_INCLUDE)
    kv_missing(${header} ${package})
  endif()
  if(library)
    set(file ${library})
    if(KVCLUSTER_STATIC_LIBRARIES)
      set(file "lib${library}.a")
    endif()
    find_library(KVCLUSTER_${name}_LIBRARY ${file})
    mark_as_advanced(KVCLUSTER_${name}_LIBRARY)
    if(NOT KVCLUSTER_${name}_LIBRARY)
      kv_missing("lib${library}" ${package})
    endif()
  endif()
  add_library(kvcluster::dep_${name} INTERFACE IMPORTED GLOBAL)
  target_include_directories(kvcluster::dep_${name} SYSTEM INTERFACE
                             "${KVCLUSTER_${name}_INCLUDE}")
  if(library)
    target_link_libraries(kvcluster::dep_${name} INTERFACE "${KVCLUSTER_${name}_LIBRARY}")
  endif()
endfunction()

set(THREADS_PREFER_PTHREAD_FLAG ON)
kv_find_package(Threads libc6-dev)
kv_find_package(fmt libfmt-dev)
kv_find_package(spdlog libspdlog-dev)
kv_find_package(CLI11 libcli11-dev)
kv_find_package(absl libabsl-dev)
kv_find_package(nlohmann_json nlohmann-json3-dev)
set(OPENSSL_USE_STATIC_LIBS ${KVCLUSTER_STATIC_LIBRARIES})
kv_find_package(OpenSSL libssl-dev)

kv_find_library(lmdb lmdb.h lmdb liblmdb-dev)
kv_find_library(b2 blake2.h b2 libb2-dev)

kv_find_library(asio asio.hpp "" libasio-dev)
target_link_libraries(kvcluster::dep_asio INTERFACE Threads::Threads)
target_compile_definitions(kvcluster::dep_asio INTERFACE ASIO_STANDALONE ASIO_NO_DEPRECATED)

if(KVCLUSTER_BUILD_TESTS)
  kv_find_package(GTest libgmock-dev)
endif()
