// The text of INFO, in Redis's form: sections of name:value lines.
#pragma once

#include <span>
#include <string>

#include "base/bytes.hpp"
#include "server/session_context.hpp"

namespace kvcluster::server {

// All sections, or those named (any case; "all", "default" and "everything" name all).
[[nodiscard]] std::string info_text(const SessionContext& context,
                                    std::span<const BytesView> sections);

}  // namespace kvcluster::server
