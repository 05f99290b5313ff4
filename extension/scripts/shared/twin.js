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
  writeTimedValues(thing, [sectionRow(name, value, time)]);
}

function sectionRow(name, value, time) {
  var content = plain(value);
  content.$mirrored = time;
  return timedValue(name, "JSON", content, time);
}

/* The twin of a device as it was read whole, as values of a Thing that has none yet. */
function twinRows(twin, time) {
  var rows = [
    sectionRow("twinDesired", twin.desired, time),
    sectionRow("twinReported", twin.reported, time),
    sectionRow("twinTags", twin.tags, time)
  ];
  ["connectionState", "modelId"].forEach(function (name) {
    if (isSet(twin[name])) {
      rows.push(timedValue(name, "STRING", twin[name], time));
    }
  });
  if (isSet(twin.lastActivityTime)) {
    rows.push(timedValue("lastActivityTime", "DATETIME", toDate(twin.lastActivityTime).getTime(), time));
  }
  return rows;
}

/* What a Thing shows of its device, as texts: to see whether somebody has changed it meanwhile. */
function deviceSnapshot(thing) {
  return {
    twinDesired: canonicalText(sectionOf(thing, "twinDesired")),
    twinReported: canonicalText(sectionOf(thing, "twinReported")),
    twinTags: canonicalText(sectionOf(thing, "twinTags")),
    connectionState: String(thing.connectionState || ""),
    modelId: String(thing.modelId || "")
  };
}

/* Writes the twin of a device as it was read whole, and what else the registry says of the device. What has changed since the snapshot
   before the reading is newer and stays. */
function writeTwin(thing, twin, before) {
  var sections = { desired: "twinDesired", reported: "twinReported", tags: "twinTags" };
  var now = deviceSnapshot(thing);
  Object.keys(sections).forEach(function (name) {
    var property = sections[name];
    if (isSet(twin[name]) && now[property] === before[property]) {
      writeFromHub(thing, property, twin[name]);
    }
  });
  ["connectionState", "modelId"].forEach(function (name) {
    if (isSet(twin[name]) && now[name] === before[name] && now[name] !== twin[name]) {
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
