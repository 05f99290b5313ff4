/* Applies one batch of the sidecar to the named Things. Rows that this hub has applied before are dropped; a value that is
   refused is reported and refuses only itself. When it throws, nothing counts as applied and the sidecar sends again. */

var MAX_CALLS_FOR_FAULTS = 1000;
var faultCalls = 0;

/* A cheap look first: a property that has a value exists. The definitions are read once for each Thing, when needed. */
function propertyFinder(thing) {
  var defined = null;
  var known = {};
  return function (name, baseType) {
    if (known.hasOwnProperty("$" + name)) {
      return known["$" + name];
    }
    var found = false;
    if (baseType !== "INFOTABLE" && baseType !== "JSON" && baseType !== "IMAGE" && baseType !== "BLOB") {
      try {
        found = thing[name] !== undefined && thing[name] !== null && typeof thing[name] !== "function";
      } catch (ignored) {
        found = false;
      }
    }
    if (!found) {
      if (defined === null) {
        var names = {};
        thing
          .GetPropertyDefinitions()
          .rows.toArray()
          .forEach(function (row) {
            names["$" + String(row.name)] = true;
          });
        defined = names;
      }
      found = defined["$" + name] === true;
    }
    known["$" + name] = found;
    return found;
  };
}

function isPermissionError(text) {
  return /not authori[sz]ed|permission/i.test(text);
}

function update(thing, values) {
  writeTimedValues(
    thing,
    values.map(function (entry) {
      return entry.value;
    })
  );
}

function refusal(thing, entry, reason, message) {
  return {
    thing: thing,
    property: entry.value.name,
    sequenceNumber: entry.sequenceNumber,
    reason: reason,
    message: message
  };
}

/* After a refusal of all values: finds what the platform refuses, first by property, then by halves. */
function updateByProperty(thing, values, refuse) {
  var names = [];
  var groups = {};
  values.forEach(function (entry) {
    var key = "$" + entry.value.name;
    if (!groups[key]) {
      groups[key] = [];
      names.push(key);
    }
    groups[key].push(entry);
  });
  names.forEach(function (key) {
    updateByHalves(thing, groups[key], refuse);
  });
}

function updateByHalves(thing, values, refuse) {
  if (++faultCalls > MAX_CALLS_FOR_FAULTS) {
    throw new Error(
      "BATCH_REFUSED: The batch has too many refused values to find each of them; send fewer at once."
    );
  }
  try {
    update(thing, values);
  } catch (thrown) {
    if (values.length === 1) {
      refuse(values[0], String((thrown && thrown.message) || thrown));
      return;
    }
    var middle = Math.floor(values.length / 2);
    updateByHalves(thing, values.slice(0, middle), refuse);
    updateByHalves(thing, values.slice(middle), refuse);
  }
}

function applyGroups(content) {
  var answer = { accepted: 0, repeated: 0, refused: [] };
  var mark = markOf(content, "partition");
  var through = mark === "" ? -1 : markNumber(me[mark], String(content.stream));
  if (mark !== "") {
    answer.appliedThrough = through;
  }

  function refuseRows(rows, thing, reason, message) {
    rows.forEach(function (row) {
      answer.refused.push({ thing: thing, sequenceNumber: row[0], reason: reason, message: message });
    });
  }

  /* Thing name to what it gets, in the order of arrival. */
  var order = [];
  var byThing = {};
  /* Messages, not rows: one message may have rows for several Things. */
  var repeated = {};
  content.groups.forEach(function (group) {
    var rows = group.rows;
    if (through >= 0) {
      rows = rows.filter(function (row) {
        var isNew = !(row[0] <= through);
        if (!isNew && repeated[row[0]] !== true) {
          repeated[row[0]] = true;
          answer.repeated++;
        }
        return isNew;
      });
    }
    if (rows.length === 0) {
      return;
    }
    var key = "$" + group.thing;
    if (!byThing[key]) {
      byThing[key] = { name: group.thing, parts: [] };
      order.push(key);
    }
    byThing[key].parts.push({ properties: group.properties, baseTypes: group.baseTypes, rows: rows });
  });

  order.forEach(function (key) {
    var name = byThing[key].name;
    var thing;
    var message = "No Thing of this name exists or is visible.";
    try {
      thing = Things[name];
    } catch (thrown) {
      message = String((thrown && thrown.message) || thrown);
    }
    if (!thing) {
      byThing[key].parts.forEach(function (part) {
        refuseRows(
          part.rows,
          name,
          isPermissionError(message) ? "NOT_AUTHORIZED" : "THING_NOT_FOUND",
          message
        );
      });
      return;
    }
    var exists = propertyFinder(thing);
    var rowCount = 0;
    var values = [];
    var refused = [];
    byThing[key].parts.forEach(function (part) {
      var present;
      try {
        present = part.properties.map(function (property, index) {
          return exists(property, part.baseTypes[index]);
        });
      } catch (thrown) {
        /* The Thing does not say what it has. Others in this call must not suffer for it. */
        var text = String((thrown && thrown.message) || thrown);
        refuseRows(part.rows, name, isPermissionError(text) ? "NOT_AUTHORIZED" : "VALUE_REFUSED", text);
        return;
      }
      rowCount += part.rows.length;
      part.rows.forEach(function (row) {
        for (var index = 0; index < part.properties.length; index++) {
          var value = row[index + 3];
          if (value === null || value === undefined) {
            continue;
          }
          var entry = {
            sequenceNumber: row[0],
            value: {
              name: part.properties[index],
              time: row[1],
              value: { value: value, baseType: part.baseTypes[index] },
              quality: row[2]
            }
          };
          if (present[index]) {
            values.push(entry);
          } else {
            refused.push(refusal(name, entry, "PROPERTY_NOT_FOUND", "The Thing has no such property."));
          }
        }
      });
    });
    try {
      if (values.length > 0) {
        update(thing, values);
      }
    } catch (thrown) {
      var text = String((thrown && thrown.message) || thrown);
      if (isPermissionError(text)) {
        byThing[key].parts.forEach(function (part) {
          refuseRows(part.rows, name, "NOT_AUTHORIZED", text);
        });
        return;
      }
      updateByProperty(thing, values, function (entry, message) {
        refused.push(refusal(name, entry, "VALUE_REFUSED", message));
      });
    }
    answer.accepted += rowCount;
    answer.refused = answer.refused.concat(refused);
  });

  if (mark !== "") {
    /* Up to the first refusal only: should this answer get lost, the sidecar sends again and must be told of it again. The next
       batch, which it sends when the refusal is dealt with, raises the mark past it. */
    var reached = answer.refused.reduce(function (lowest, refusal) {
      return Math.min(lowest, refusal.sequenceNumber - 1);
    }, Number(content.through));
    if (reached > through) {
      me[mark] = content.stream + ":" + reached;
    }
  }
  if (answer.refused.length > 0) {
    var first = answer.refused[0];
    me.TelemetryRefused({
      thing: first.thing,
      property: first.property || "",
      partition: isSet(content.partition) ? String(content.partition) : "",
      sequenceNumber: first.sequenceNumber,
      reason: first.reason,
      message: first.message,
      count: answer.refused.length,
      time: new Date()
    });
  }
  return answer;
}

function run() {
  var content = plain(batch);
  if (!content || !Array.isArray(content.groups)) {
    throw new Error("REQUEST_INVALID: batch must be an object with an array groups.");
  }
  return applyAsWriter(content, function () {
    return applyGroups(content);
  });
}

var result = run();
