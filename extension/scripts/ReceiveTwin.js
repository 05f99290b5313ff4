/* Writes what a twin says to the properties of the model. properties: the name in the twin to property, the property of this Thing; type; and
   isWritable. Of desired properties only the writable ones are taken; what the device reports of those has a property of its own. */
var MAX_MARKS = 20;

/* IoT Plug and Play: a report about a writable property has the value beside a status. */
function reportedValue(value) {
  var isReport =
    value !== null && typeof value === "object" && value.ac !== undefined && value.value !== undefined;
  return isReport ? value.value : value;
}

/* A value that the subscription of its property is not to send back. */
function mark(property, time) {
  var marks = plain(me.receivedValues) || {};
  var times = modelMember(marks, property) || [];
  times.push(time);
  marks[property] = times.slice(-MAX_MARKS);
  me.receivedValues = marks;
}

function rowFor(target, value, type) {
  var present = modelToDevice(modelJson(me[target], type), type);
  var received = modelFromDevice(value, type);
  if (canonicalText(present) === canonicalText(modelToDevice(received, type))) {
    return undefined;
  }
  /* A value that is not newer than the present one would only become history. */
  var time = Math.max(new Date().getTime(), me.GetPropertyTime({ propertyName: target }).getTime() + 1);
  return timedValue(target, modelBaseType(type), received, time);
}

function run() {
  var isDesired = String(section) === "desired";
  var part = isSet(component) ? String(component) : "";
  var old = modelSection(before, part);
  var now = modelSection(after, part);
  /* After a refusal only what was attempted is put back. */
  var attempts = isGiven(attempted) ? modelSection(attempted, part) : null;
  var known = plain(properties);
  var rows = [];
  Object.keys(known).forEach(function (name) {
    var definition = known[name];
    var value = modelMember(now, name);
    if (value === undefined || value === null || (isDesired && !definition.isWritable)) {
      return;
    }
    if (
      attempts === null
        ? canonicalText(modelMember(old, name)) === canonicalText(value)
        : modelMember(attempts, name) === undefined
    ) {
      return;
    }
    var target = definition.property + (definition.isWritable && !isDesired ? "_reported" : "");
    try {
      var row = rowFor(target, isDesired ? value : reportedValue(value), definition.type);
      if (row !== undefined) {
        rows.push(row);
      }
    } catch (thrown) {
      logger.warn("{} of {} is not taken from the twin: {}", target, me.name, errorText(thrown));
    }
  });
  if (rows.length === 0) {
    return;
  }
  if (isDesired) {
    rows.forEach(function (row) {
      mark(row.name, row.time);
    });
  }
  writeTimedValues(me, rows);
}

run();
