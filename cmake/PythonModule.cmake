# Finds the interpreter's headers and pybind11, for bindings/. The wheel build brings pybind11 as a
# build requirement; a plain CMake build asks the interpreter for it.

set(PYBIND11_FINDPYTHON ON)
find_package(Python 3.11 REQUIRED COMPONENTS Interpreter Development.Module)
if(NOT pybind11_ROOT AND NOT pybind11_DIR)
  execute_process(COMMAND "${Python_EXECUTABLE}" -m pybind11 --cmakedir
                  OUTPUT_VARIABLE kv_pybind11_dir OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(kv_pybind11_dir)
    set(pybind11_DIR "${kv_pybind11_dir}" CACHE PATH "pybind11's CMake files")
  endif()
endif()
find_package(pybind11 3.0 CONFIG QUIET)
if(NOT pybind11_FOUND)
  message(FATAL_ERROR "pybind11 3 is missing for ${Python_EXECUTABLE}: pip install pybind11, "
                      "or run ./dev build, which makes the module in .venv.")
endif()
