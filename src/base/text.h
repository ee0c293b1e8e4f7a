// Bytes and text: what of a client's bytes may be stored and shown, and how
// numbers, sizes and JSON strings are read and written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace track_usage {

// True if `bytes` holds printable ASCII and no backslash: such a field is its
// own stored value, whatever dialect it came from.
bool is_plain(std::string_view bytes);

// Appends `bytes` as text: valid UTF-8 stands, a bad byte and a control (C0,
// DEL, C1) become \xhh in lower case. Returns false if there was a bad byte.
bool append_text(std::string& out, std::string_view bytes);

// append_text as a value; for messages, where client bytes are never raw.
std::string visible(std::string_view bytes);

// Columns that `text` (valid UTF-8) takes on a terminal; wide East Asian
// characters count two, combining marks none.
std::size_t display_width(std::string_view text);

// Undoes a log's escapes once: \" \\ \xHH \n \t \r \b \v \f. Any other
// backslash stays.
void append_unescaped(std::string& out, std::string_view field);

// Appends `text` as a JSON string with its quotes.
void append_json(std::string& out, std::string_view text);

// Undoes %HH once; a broken %zz stays. With `plus`, + is a blank.
void append_percent_decoded(std::string& out, std::string_view text, bool plus = false);

// The items of "a, b,,c": a, b and c.
std::vector<std::string> list_items(std::string_view list);

// The whole of `text` as a decimal number, without sign; nothing if it is not.
std::optional<std::uint64_t> parse_number(std::string_view text);

// "64MiB", "1M", "512k", "1024": bytes, units of 1024.
std::optional<std::uint64_t> parse_size(std::string_view text);

// Seconds ("0.127") to microseconds, rounded down; nothing if it is no number.
std::optional<std::int64_t> parse_seconds(std::string_view text);

std::string lower(std::string_view text);
// A library's sentence as the middle of one of ours: a capital becomes small.
std::string lower_first(std::string_view text);
std::string_view trim(std::string_view text);

// 1234567 as 1,234,567.
std::string grouped(std::uint64_t n);
// "1 line", "2,000 lines".
std::string counted(std::uint64_t n, std::string_view what);
// 1536 as "1.5 KiB".
std::string human_bytes(std::uint64_t n);

}  // namespace track_usage
