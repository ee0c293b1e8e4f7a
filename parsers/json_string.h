// The strings of JSON logs that do not stand as logged.
#pragma once

#include <string>
#include <string_view>

namespace track_usage {

// Appends the text of a JSON string (rulings 7, 8 and 10) that begins at `at`,
// behind its opening quote; returns where its closing quote is, or `end`. JSON's
// escapes and nginx's \xHH are undone once; \xHH and raw bytes together are
// bytes, which become text; a lone surrogate becomes the text of its bytes; any
// other backslash stays. `utf8` turns false if bytes were not UTF-8.
const char* append_undone(std::string& out, const char* at, const char* end, bool& utf8);

// The same without making text of it: the bytes that the string stands for.
const char* append_bytes(std::string& out, const char* at, const char* end);

}  // namespace track_usage
