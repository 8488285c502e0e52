# With KVCLUSTER_STATIC_LIBRARIES, which the wheel sets, programs and Python module run where none of
# the Debian packages is installed that they were built with. Programs get all libraries linked in.
# So does the module, but for those whose archives are not position-independent (LMDB, Abseil): it
# takes their shared libraries along, in its own folder.
#
# Compile flags stay as they are, so that one compiler cache serves both ways.

# kv_install_module(<module> <folder>)
function(kv_install_module module folder)
  if(NOT KVCLUSTER_STATIC_LIBRARIES)
    install(TARGETS ${module} LIBRARY DESTINATION ${folder})
    return()
  endif()
  # RPATH and not RUNPATH: these libraries find each other by it, too.
  target_link_options(${module} PRIVATE LINKER:--as-needed LINKER:--disable-new-dtags)
  set_target_properties(${module} PROPERTIES INSTALL_RPATH "$ORIGIN")
  install(TARGETS ${module}
          RUNTIME_DEPENDENCIES PRE_INCLUDE_REGEXES "^lib(lmdb|absl_)" PRE_EXCLUDE_REGEXES "."
          LIBRARY DESTINATION ${folder})
endfunction()

if(NOT KVCLUSTER_STATIC_LIBRARIES)
  return()
endif()

# kv_link_either(<interface target> <shared library>...)
# The target links the libraries as they are into a module, and their archives into a program.
function(kv_link_either target)
  set(is_program "$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>")
  set(items "")
  foreach(library IN LISTS ARGN)
    string(REGEX REPLACE "\\.so[.0-9]*$" ".a" archive "${library}")
    if(NOT EXISTS "${archive}")
      message(FATAL_ERROR "${library} has no archive beside it")
    endif()
    list(APPEND items "$<IF:${is_program},${archive},${library}>")
  endforeach()
  set_target_properties(${target} PROPERTIES INTERFACE_LINK_LIBRARIES "${items}")
endfunction()

# The shared libraries behind an imported target, each before those that it needs.
function(kv_shared_libraries out target)
  set(found ${${out}})
  get_target_property(configurations ${target} IMPORTED_CONFIGURATIONS)
  if(configurations)
    list(GET configurations 0 configuration)
    get_target_property(library ${target} IMPORTED_LOCATION_${configuration})
    list(REMOVE_ITEM found "${library}")
    list(APPEND found "${library}")
  endif()
  get_target_property(links ${target} INTERFACE_LINK_LIBRARIES)
  foreach(link IN LISTS links)
    if(TARGET "${link}" AND link MATCHES "^absl::")
      kv_shared_libraries(found ${link})
    endif()
  endforeach()
  set(${out} ${found} PARENT_SCOPE)
endfunction()

foreach(target IN ITEMS absl::btree absl::flat_hash_map absl::inlined_vector)
  set(kv_libraries "")
  kv_shared_libraries(kv_libraries ${target})
  kv_link_either(${target} ${kv_libraries})
endforeach()

find_library(KVCLUSTER_SHARED_lmdb lmdb)
mark_as_advanced(KVCLUSTER_SHARED_lmdb)
if(NOT KVCLUSTER_SHARED_lmdb)
  kv_missing("liblmdb.so" liblmdb-dev)
endif()
kv_link_either(kvcluster::dep_lmdb "${KVCLUSTER_SHARED_lmdb}")

# Debian has no archive of fmt, but its headers hold all of it.
add_library(kvcluster_fmt STATIC cmake/fmt_library.cpp)
get_target_property(kv_fmt_definitions fmt::fmt INTERFACE_COMPILE_DEFINITIONS)
get_target_property(kv_fmt_include fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
target_compile_definitions(kvcluster_fmt PRIVATE ${kv_fmt_definitions})
target_include_directories(kvcluster_fmt SYSTEM PRIVATE ${kv_fmt_include})
get_target_property(kv_fmt_configurations fmt::fmt IMPORTED_CONFIGURATIONS)
foreach(configuration IN LISTS kv_fmt_configurations)
  set_target_properties(fmt::fmt PROPERTIES
    IMPORTED_LOCATION_${configuration} "${CMAKE_CURRENT_BINARY_DIR}/libkvcluster_fmt.a")
endforeach()
add_dependencies(fmt::fmt kvcluster_fmt)
