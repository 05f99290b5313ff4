/* Applies what happened to devices, in order: writes properties, fires events. Events that this hub has applied before are dropped;
   one that fails is reported, with whether its event was fired, and stops no other. When it throws, nothing counts as applied and the
   sidecar sends again. */

/* Connection events of a device may come out of order; their numbers are hexadecimal texts of equal length. */
function isStale(thing, sequence) {
  if (!isSet(sequence)) {
    return false;
  }
  if (isSet(thing.connectionSequence) && String(thing.connectionSequence) > sequence) {
    return true;
  }
  thing.connectionSequence = sequence;
  return false;
}

function removeThing(name, how) {
  var thing = Things[name];
  if (!thing || String(thing.hubThing) !== String(me.name)) {
    return;
  }
  if (how === "delete") {
    Resources["EntityServices"].DeleteThing({ name: name });
  } else {
    thing.DisableThing();
  }
}

/* The Thing of a device that was deleted and is there again. */
function enableThing(name) {
  var thing = Things[name];
  var isDevice = function () {
    return String(thing.ImplementsShape({ thingShapeName: "AzureIoT.Device_TS" })) === "true";
  };
  if (!thing || !isDevice() || String(thing.IsEnabled()) === "true") {
    return;
  }
  thing.EnableThing();
  thing.RestartThing();
  /* What it says can be read only now. */
  if (String(thing.hubThing) !== String(me.name)) {
    thing.DisableThing();
  }
}

function mirrorTwin(twin) {
  var thing = Things[twin.thing];
  Object.keys(twin.sections).forEach(function (name) {
    if (!thing || (twin.instead && canonicalText(plain(thing[name])) !== canonicalText(twin.instead))) {
      return;
    }
    if (twin.instead || twin.anew || !isOlder(twin.sections[name], sectionOf(thing, name))) {
      writeFromHub(thing, name, twin.sections[name]);
    }
  });
}

/* Puts a row in place of the one with the same keys. */
function keepRow(thing, name, row) {
  var table = TABLES[name];
  var names = Object.keys(table.fields);
  var rows = toTable([], table);
  var kept = thing[name] ? thing[name].rows.toArray() : [];
  kept.forEach(function (old) {
    var isSame = table.keys.every(function (key) {
      return String(isSet(old[key]) ? old[key] : "") === String(row[key]);
    });
    if (isSame) {
      return;
    }
    var copy = {};
    names.forEach(function (field) {
      if (isSet(old[field])) {
        copy[field] = old[field];
      }
    });
    rows.AddRow(copy);
  });
  rows.AddRow(row);
  thing[name] = rows;
}

/* Writes a table of the Thing whole. */
function writeTable(thing, name, rows) {
  var table = TABLES[name];
  thing[name] = toTable(rows, table);
  thing[table.time] = new Date();
}

function eventData(data) {
  var fields = {};
  Object.keys(data).forEach(function (name) {
    var value = data[name];
    fields[name] = EVENT_TIMES.indexOf(name) >= 0 ? new Date(value) : boxed(value);
  });
  return fields;
}

function apply(item, progress) {
  var thing = isSet(item.thing) ? Things[item.thing] : me;
  if (!thing) {
    throw new Error("THINGWORX_NOT_FOUND: No Thing of this name exists or is visible.");
  }
  if (isStale(thing, item.sequence)) {
    return;
  }
  if (isSet(item.enable)) {
    enableThing(item.enable);
  }
  var values = item.values || {};
  Object.keys(values).forEach(function (name) {
    thing[name] = name === "lastActivityTime" ? new Date(values[name]) : values[name];
  });
  var initialValues = item.initialValues || {};
  Object.keys(initialValues).forEach(function (name) {
    var present = thing[name];
    if (!isSet(present) || (name === "lastActivityTime" && present.getTime() <= 0)) {
      thing[name] = name === "lastActivityTime" ? new Date(initialValues[name]) : initialValues[name];
    }
  });
  if (item.twin) {
    mirrorTwin(item.twin);
  }
  var fields = eventData(item.data);
  if (isSet(item.table)) {
    keepRow(thing, item.table, fields);
  }
  var tables = item.tables || {};
  Object.keys(tables).forEach(function (name) {
    writeTable(thing, name, tables[name]);
  });
  if (isSet(item.event)) {
    thing[item.event](fields);
    progress.fired = true;
  }
  if (item.event === "DeviceLifecycle" && !isSet(fields.moduleId)) {
    fireAsPtc(function () {
      me.AzureThingLifecycleEvent({
        deviceId: fields.deviceId,
        status: fields.operation === "created" ? "createDeviceIdentity" : "deleteDeviceIdentity",
        twin: fields.twin
      });
    });
  }
  if (item.remove) {
    removeThing(item.remove.thing, item.remove.how);
  }
}

function applyEvents(content) {
  var answer = { accepted: 0, repeated: 0, refused: [] };
  var mark = markOf(content, "events");
  var through = mark === "" ? -1 : markNumber(me[mark], String(content.stream));
  var reached = Number(content.through);
  content.events.forEach(function (item, index) {
    var progress = { fired: false };
    try {
      if (item.sequenceNumber <= through) {
        /* What led to a removal was repeated, too, and may have made the Thing again. */
        if (item.remove) {
          removeThing(item.remove.thing, item.remove.how);
        }
        answer.repeated++;
      } else {
        apply(item, progress);
        answer.accepted++;
      }
    } catch (thrown) {
      reached = Math.min(reached, item.sequenceNumber - 1);
      answer.refused.push({
        sequenceNumber: item.sequenceNumber,
        index: index,
        message: errorText(thrown),
        fired: progress.fired
      });
    }
  });
  if (mark !== "" && reached > through) {
    me[mark] = content.stream + ":" + reached;
  }
  return answer;
}

function run() {
  var content = plain(batch);
  if (!content || !Array.isArray(content.events)) {
    throw new Error("REQUEST_INVALID: batch must be an object with an array events.");
  }
  return applyAsWriter(content, function () {
    return applyEvents(content);
  });
}

var result = run();
