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

/* The value of a twin property as the hub has it. */
function sectionOf(thing, name) {
  var value = thing[name];
  var section = value === undefined || value === null ? {} : plain(value);
  delete section.$mirrored;
  return section;
}

/* Whether the value present is a later one. Answers of the hub to this Thing overtake its events. */
function isOlder(value, present) {
  return (
    typeof value.$version === "number" &&
    typeof present.$version === "number" &&
    value.$version < present.$version
  );
}

/* Writes a section of a twin as the hub has it. $mirrored is the time that the property gets with it: the subscription to the
   property knows by it that this value, at this time, came from the hub and must not go back there. */
function writeFromHub(thing, name, value) {
  if (canonicalText(sectionOf(thing, name)) === canonicalText(value)) {
    return;
  }
  /* A value that is not newer than the present one would only become history. */
  var time = Math.max(new Date().getTime(), thing.GetPropertyTime({ propertyName: name }).getTime() + 1);
  var content = plain(value);
  content.$mirrored = time;
  writeTimedValues(thing, [
    { name: name, time: time, value: { value: content, baseType: "JSON" }, quality: "GOOD" }
  ]);
}

/* Writes the twin of a device as it was read whole, and what else the registry says of the device. */
function writeTwin(thing, twin) {
  var sections = { desired: "twinDesired", reported: "twinReported", tags: "twinTags" };
  Object.keys(sections).forEach(function (name) {
    if (isSet(twin[name])) {
      writeFromHub(thing, sections[name], twin[name]);
    }
  });
  ["connectionState", "modelId"].forEach(function (name) {
    if (isSet(twin[name]) && String(thing[name]) !== twin[name]) {
      thing[name] = twin[name];
    }
  });
  if (isSet(twin.lastActivityTime)) {
    var time = toDate(twin.lastActivityTime);
    if (!isSet(thing.lastActivityTime) || thing.lastActivityTime.getTime() < time.getTime()) {
      thing.lastActivityTime = time;
    }
  }
}
