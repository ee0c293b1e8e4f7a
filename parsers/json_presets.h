// The JSON logs that servers write, as maps of their keys.
#pragma once

#include "parsers/field_map.h"
#include "parsers/json.h"

namespace track_usage {

extern const std::string_view nginx_json_map;

// The map of a preset, which knows the keys by which it would be another's.
FieldMap preset_map(const JsonPreset& preset);

}  // namespace track_usage
