/* Applies one batch of the sidecar to the named Things. Rows that this hub has applied before are dropped; a value that is
   refused is reported and refuses only itself. Each row has [sequence number, signature, time, values...]; what rows have in
   common is in the table of signatures, each with [properties, base types, quality]. */

/* Refused values are looked for by further calls of UpdatePropertyValues. The platform ends a script after 30 seconds, and
   what a script has written before that is written again. */
var MAX_CALLS_FOR_FAULTS = 1000;
var MAX_MS_FOR_FAULTS = 5000;
var faultCalls = 0;
var faultsEnd = 0;

/* Whether a value of this base type can be looked at cheaply. */
function isSmall(baseType) {
  return baseType !== "INFOTABLE" && baseType !== "JSON" && baseType !== "IMAGE" && baseType !== "BLOB";
}

function definedNames(thing) {
  var names = {};
  thing
    .GetPropertyDefinitions()
    .rows.toArray()
    .forEach(function (row) {
      names["$" + String(row.name)] = true;
    });
  return names;
}

/* Notes null for each signature of the rows whose properties the Thing has: a property that has a value exists. A call into the
   platform for each property is cheap compared with reading the definitions. Rhino is slow in functions with catch or with functions in
   them, and at each call of a function, so one function without them looks at all rows of a Thing. */
function notePresent(thing, rows, signatures, absent) {
  for (var at = 0; at < rows.length; at++) {
    var signature = rows[at][1];
    if (absent[signature] === undefined) {
      var properties = signatures[signature][0];
      var small = signatures[signature][3];
      var index = 0;
      for (; index < properties.length && small[index]; index++) {
        var value = thing[properties[index]];
        if (value === undefined || value === null || typeof value === "function") {
          break;
        }
      }
      if (index === properties.length) {
        absent[signature] = null;
      }
    }
  }
}

/* By signature: null when the Thing has all of its properties, otherwise which of them it lacks. Undefined where notePresent does not say: see
   absentByDefinitions. */
function absentOf(thing, rows, signatures) {
  var absent = [];
  try {
    notePresent(thing, rows, signatures, absent);
  } catch (ignored) {
    /* The definitions say. */
  }
  return absent;
}

/* Which properties of a signature the Thing lacks, by index, or why it does not say what it has. The definitions are read once for each
   Thing. */
function absentByDefinitions(thing, signature, definitions) {
  try {
    if (definitions.names === undefined) {
      definitions.names = definedNames(thing);
    }
  } catch (thrown) {
    return String((thrown && thrown.message) || thrown);
  }
  return signature[0].map(function (property) {
    return definitions.names["$" + property] !== true;
  });
}

function isPermissionError(text) {
  return /not authori[sz]ed|permission/i.test(text);
}

function refusal(thing, entry, reason, message) {
  return {
    thing: thing,
    property: entry.value.name,
    sequenceNumber: entry.sequenceNumber,
    time: entry.value.time,
    reason: reason,
    message: message
  };
}

function mayLookForFaults() {
  var now = new Date().getTime();
  if (faultsEnd === 0) {
    faultsEnd = now + MAX_MS_FOR_FAULTS;
  }
  faultCalls++;
  return faultCalls <= MAX_CALLS_FOR_FAULTS && now < faultsEnd;
}

/* Writes a part of values that were refused together, and hands it to `search` when it is refused, too. Values for which there is no time are
   UNDECIDED: they are not written, and the sidecar sends them again. */
function tryPart(thing, part, refuse, search) {
  if (!mayLookForFaults()) {
    part.forEach(function (entry) {
      refuse(entry, "UNDECIDED", "The call has too many refused values to try each of them.");
    });
    return;
  }
  var failure = failureOf(
    thing,
    part.map(function (entry) {
      return entry.value;
    })
  );
  if (failure !== null) {
    search(part, failure);
  }
}

/* Finds the values of one property that the platform refuses, and writes the others in order. */
function findInProperty(thing, entries, message, refuse) {
  if (entries.length === 1) {
    refuse(entries[0], "VALUE_REFUSED", message);
    return;
  }
  var middle = Math.floor(entries.length / 2);
  [entries.slice(0, middle), entries.slice(middle)].forEach(function (half) {
    tryPart(thing, half, refuse, function (part, failure) {
      findInProperty(thing, part, failure, refuse);
    });
  });
}

/* Finds the values that the platform refuses among those that it has refused together, and writes the others. The values of
   properties without a fault are written first. */
function findRefused(thing, entries, message, refuse) {
  var names = [];
  var byName = {};
  entries.forEach(function (entry) {
    var key = "$" + entry.value.name;
    if (!byName[key]) {
      byName[key] = [];
      names.push(key);
    }
    byName[key].push(entry);
  });
  if (names.length === 1) {
    findInProperty(thing, entries, message, refuse);
    return;
  }
  var faulty = [];
  names.forEach(function (key) {
    tryPart(thing, byName[key], refuse, function (part, failure) {
      faulty.push({ entries: part, message: failure });
    });
  });
  faulty.forEach(function (part) {
    findInProperty(thing, part.entries, part.message, refuse);
  });
}

/* Writes values; null when the platform has taken them, otherwise what it says. */
function failureOf(thing, values) {
  try {
    writeTimedValues(thing, values);
    return null;
  } catch (thrown) {
    return String((thrown && thrown.message) || thrown);
  }
}

function refuseRows(answer, name, rows, from, reason, message) {
  rows.forEach(function (row) {
    answer.refused.push({ thing: name, sequenceNumber: from + row[0], reason: reason, message: message });
  });
}

/* The rows of a Thing that the hub has not applied before. They are in order, so mostly a look at the first one is enough. */
function newRows(rows, from, through, answer, repeated) {
  if (rows.length === 0 || through < 0 || from + rows[0][0] > through) {
    return rows;
  }
  return rows.filter(function (row) {
    var number = from + row[0];
    var isNew = !(number <= through);
    if (!isNew && repeated[number] !== true) {
      /* Messages are counted, not rows: one message may have rows for several Things. */
      repeated[number] = true;
      answer.repeated++;
    }
    return isNew;
  });
}

/* The values of rows as UpdatePropertyValues takes them, the sequence number of each, and what is refused because the Thing has no
   such property. */
function collectValues(thing, rows, content, answer, name) {
  var signatures = content.signatures;
  var from = content.fromSequenceNumber;
  var fromTime = content.fromTime;
  var collected = { rows: [], values: [], numbers: [], refused: [] };
  var values = collected.values;
  var numbers = collected.numbers;
  var count = 0;
  var definitions = {};
  var absentBySignature = absentOf(thing, rows, signatures);
  for (var at = 0; at < rows.length; at++) {
    var row = rows[at];
    var signature = signatures[row[1]];
    var absent = absentBySignature[row[1]];
    if (absent === undefined) {
      absent = absentByDefinitions(thing, signature, definitions);
      absentBySignature[row[1]] = absent;
    }
    if (typeof absent === "string") {
      /* Others in this call must not suffer for it. */
      var reason = isPermissionError(absent) ? "NOT_AUTHORIZED" : "VALUE_REFUSED";
      refuseRows(answer, name, [row], from, reason, absent);
      continue;
    }
    collected.rows.push(row);
    var properties = signature[0];
    var baseTypes = signature[1];
    var time = fromTime + row[2];
    for (var index = 0; index < properties.length; index++) {
      var value = row[index + 3];
      if (value === null || value === undefined) {
        continue;
      }
      var timed = {
        name: properties[index],
        time: time,
        value: { value: value, baseType: baseTypes[index] },
        quality: signature[2]
      };
      if (absent === null || !absent[index]) {
        values[count] = timed;
        numbers[count] = from + row[0];
        count++;
      } else {
        var entry = { sequenceNumber: from + row[0], value: timed };
        collected.refused.push(refusal(name, entry, "PROPERTY_NOT_FOUND", "The Thing has no such property."));
      }
    }
  }
  return collected;
}

function applyToThing(name, rows, content, answer) {
  var thing;
  var absence = "No Thing of this name exists or is visible.";
  try {
    thing = Things[name];
  } catch (thrown) {
    absence = String((thrown && thrown.message) || thrown);
  }
  if (!thing) {
    var reason = isPermissionError(absence) ? "NOT_AUTHORIZED" : "THING_NOT_FOUND";
    refuseRows(answer, name, rows, content.fromSequenceNumber, reason, absence);
    return;
  }

  var collected = collectValues(thing, rows, content, answer, name);
  var values = collected.values;
  var refused = collected.refused;
  function refuse(entry, reason, message) {
    refused.push(refusal(name, entry, reason, message));
  }
  var failure = values.length > 0 ? failureOf(thing, values) : null;
  if (failure !== null && isPermissionError(failure)) {
    refuseRows(answer, name, collected.rows, content.fromSequenceNumber, "NOT_AUTHORIZED", failure);
    return;
  }
  if (failure !== null) {
    var entries = values.map(function (timed, position) {
      return { sequenceNumber: collected.numbers[position], value: timed };
    });
    findRefused(thing, entries, failure, refuse);
  }
  answer.accepted += collected.rows.length;
  answer.refused = answer.refused.concat(refused);
}

function applyThings(content) {
  var answer = { accepted: 0, repeated: 0, refused: [] };
  var mark = markOf(content, "partition");
  var through = mark === "" ? -1 : markNumber(me[mark], String(content.stream));
  if (mark !== "") {
    answer.appliedThrough = through;
  }
  /* A batch without rows has none: the sidecar asks for a high-water mark, or opens a partition. */
  (content.signatures || []).forEach(function (signature) {
    signature.push(signature[1].map(isSmall));
  });
  var repeated = {};
  content.things.forEach(function (item) {
    var rows = newRows(item.rows, content.fromSequenceNumber, through, answer, repeated);
    if (rows.length > 0) {
      applyToThing(item.name, rows, content, answer);
    }
  });

  if (mark !== "") {
    /* Up to the first refusal only: if this answer gets lost, the sidecar sends again and must get the refusal again. The next
       batch, which it sends when the refusal is dealt with, raises the mark past it. */
    var reached = answer.refused.reduce(function (lowest, refusal) {
      return Math.min(lowest, refusal.sequenceNumber - 1);
    }, Number(content.through));
    if (reached > through) {
      me[mark] = content.stream + ":" + reached;
    }
  }
  var decided = answer.refused.filter(function (refusal) {
    return refusal.reason !== "UNDECIDED";
  });
  if (decided.length > 0) {
    var first = decided[0];
    me.TelemetryRefused({
      thing: first.thing,
      property: first.property || "",
      partition: isSet(content.partition) ? String(content.partition) : "",
      sequenceNumber: first.sequenceNumber,
      reason: first.reason,
      message: first.message,
      count: decided.length,
      time: new Date()
    });
  }
  return answer;
}

function run() {
  var content = plain(batch);
  if (!content || !Array.isArray(content.things)) {
    throw new Error(
      "REQUEST_INVALID: batch must be an object with an array things. Sidecar and extension must have the same version."
    );
  }
  return applyAsWriter(content, function () {
    return applyThings(content);
  });
}

var result = run();
