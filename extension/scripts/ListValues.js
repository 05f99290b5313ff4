/* The values of the properties that the device sends: all but those that every device Thing has. */
function run() {
  var device = chosenThing(thing, "device");
  var skipped = {};
  OWN_PROPERTIES.concat(["name", "description", "tags", "thingTemplate"]).forEach(function (name) {
    skipped[name] = true;
  });
  var rows = [];
  device
    .GetPropertyDefinitions()
    .rows.toArray()
    .forEach(function (definition) {
      var name = String(definition.name);
      var baseType = String(definition.baseType);
      if (skipped[name] || baseType === "PASSWORD" || baseType === "INFOTABLE") {
        return;
      }
      try {
        var time = device.GetPropertyTime({ propertyName: name });
        var value = device[name];
        rows.push({
          property: name,
          value: isSet(value) ? readable(scriptValue(value, baseType)) : "",
          time: isSet(time) && time.getTime() > 0 ? isoTime(time) : undefined,
          quality: String(device.GetPropertyQuality({ propertyName: name })),
          baseType: baseType
        });
      } catch (thrown) {
        rows.push({ property: name, value: errorText(thrown), quality: "UNKNOWN", baseType: baseType });
      }
    });
  rows.sort(function (a, b) {
    return a.property < b.property ? -1 : 1;
  });
  return toTable(rows, RESULT_TYPE);
}

var result = run();
