// Commands as a person types them: words between blanks, with quotes.
#pragma once

#include <vector>

#include "base/bytes.hpp"

namespace kvcluster::wire {

// Splits one line into `args`. "double quotes" know \n \r \t \b \a \\ \" and \xHH; 'single quotes'
// know only \'. A closing quote must be followed by a blank or by the end.
// `storage` is overwritten and holds the bytes that `args` view.
// False when quotes are not balanced; `args` is then meaningless.
[[nodiscard]] bool split_inline_command(BytesView line, Bytes& storage,
                                        std::vector<BytesView>& args);

}  // namespace kvcluster::wire
