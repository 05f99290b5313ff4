/* A JSON value as text with sorted keys: equal values have equal texts. */
function canonicalText(value) {
  if (value === null || typeof value !== "object") {
    return JSON.stringify(value === undefined ? null : value);
  }
  if (Array.isArray(value)) {
    return "[" + value.map(canonicalText).join(",") + "]";
  }
  return (
    "{" +
    Object.keys(value)
      .sort()
      .map(function (key) {
        return JSON.stringify(key) + ":" + canonicalText(value[key]);
      })
      .join(",") +
    "}"
  );
}

/* A short mark of a value (FNV-1a, and the length). */
function markOf(value) {
  var content = canonicalText(value);
  var hash = 2166136261;
  for (var index = 0; index < content.length; index++) {
    hash ^= content.charCodeAt(index);
    hash = (hash + (hash << 1) + (hash << 4) + (hash << 7) + (hash << 8) + (hash << 24)) >>> 0;
  }
  return content.length + "." + hash;
}

/* Writes a section of a twin as the hub has it. The mark, which is set first, tells the subscription to the property that
   the value came from the hub and must not go back there. Several are kept: changes may follow faster than they are looked at. */
function writeFromHub(thing, name, value) {
  if (canonicalText(plain(thing[name]) || {}) === canonicalText(value)) {
    return;
  }
  if (name === "twinDesired" || name === "twinTags") {
    var marks = plain(thing.twinMarks) || {};
    var list = Array.isArray(marks[name]) ? marks[name] : [];
    marks[name] = list.concat([markOf(value)]).slice(-16);
    thing.twinMarks = marks;
  }
  thing[name] = value;
}
