// The part of fmt that is no header, for a build with archives only (StaticLibraries.cmake).
#include <fmt/format-inl.h>

// What the headers declare and leave to the library; the rest is instantiated by being used there.
namespace fmt::detail {

template FMT_API thousands_sep_result<char> thousands_sep_impl<char>(locale_ref);
template FMT_API char decimal_point_impl<char>(locale_ref);

}  // namespace fmt::detail
