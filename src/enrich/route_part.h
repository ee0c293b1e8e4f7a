// Whether a text is what a part of a rule looks like, and which of its bytes
// are whose variable's.
#pragma once

#include <string_view>
#include <vector>

#include "src/enrich/route_rule.h"

namespace track_usage {

// Appends the text of each variable of a dynamic part, in order; views into
// `text`, which is valid UTF-8. False, and nothing appended, if it does not
// match. Where there is a choice it is that of the regular expressions that
// Werkzeug makes: all but paths take as much as they can. Takes time linear in
// the text, whatever a client sends.
bool match_part(const RoutePart& part, std::string_view text, std::vector<std::string_view>& values);

}  // namespace track_usage
