/* The properties that are bound to nodes, of all Things that the caller sees or of one, with the last value that came from each node. */
var MAX_BINDINGS = 1000;

function lastValue(thing, binding) {
  var row = { thing: String(thing.name), binding: binding, value: "", quality: "UNKNOWN" };
  try {
    var name = valueProperty(binding);
    var definition = thing.GetPropertyDefinition({ name: name }).rows[0];
    var time = thing.GetPropertyTime({ propertyName: name });
    var value = thing[name];
    /* Before the first value the property has its default, at the time of the start. */
    if (isSet(value) && isSet(time) && time.getTime() > 0) {
      row.value = readable(scriptValue(value, String(definition.baseType), name));
      row.time = isoTime(time);
      row.quality = String(thing.GetPropertyQuality({ propertyName: name }));
    }
  } catch (thrown) {
    /* The property is gone: there is no value. */
    logger.debug("No value of {}: {}", thing.name, errorText(thrown));
  }
  return row;
}

function run() {
  var filter = contentOf("request", request);
  var names = isSet(filter.thing)
    ? [String(filter.thing)]
    : ThingShapes["AzureIoT.BoundNodes_TS"]
        .GetImplementingThings()
        .rows.toArray()
        .map(function (row) {
          return String(row.name);
        })
        .sort();
  var answer = { bindings: [] };
  names.forEach(function (name) {
    var thing = Things[name];
    if (!thing) {
      return;
    }
    bindingsOf(thing, BINDING_FIELDS).forEach(function (binding) {
      if (binding.source !== String(filter.source)) {
        return;
      }
      if (answer.bindings.length >= MAX_BINDINGS) {
        answer.isCut = true;
      } else {
        answer.bindings.push(lastValue(thing, binding));
      }
    });
  });
  return answer;
}

var result = run();
