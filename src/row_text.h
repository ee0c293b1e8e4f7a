// Rows as text: the one canonical JSON object of DESIGN 3, and the flat forms
// made of the same fields in the same order.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "src/row.h"

namespace track_usage {

// {"date":"...","url":...,...}: every key of DESIGN 3's table, in its order,
// null or not. No newline.
void append_row_json(std::string& out, const RowView& row);

enum class Delimiter : char { comma = ',', tab = '\t' };
// The flat columns' names (user_agent.string ...), and a row of them. CSV after
// RFC 4180 with a ' before a cell that begins with = + - @; TSV with \t, \n and
// \\ escaped. No line end.
void append_row_header(std::string& out, Delimiter delimiter);
void append_row_cells(std::string& out, const RowView& row, Delimiter delimiter);

// One line for eyes, its columns aligned while values are usual. No newline.
void append_row_line(std::string& out, const RowView& row);

// The names that a template or --columns may use, and the value of one as
// plain text; null is left out and false returned.
std::span<const std::string_view> row_fields();
bool append_row_field(std::string& out, const RowView& row, std::size_t field);

}  // namespace track_usage
