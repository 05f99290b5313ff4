/* Makes the Things and properties that a message of the hub needs, as the settings unknownThing and unknownProperty say.
   What exists already is left as it is; what cannot be made is reported and stops nothing else. */
function messageOf(thrown) {
  return String((thrown && thrown.message) || thrown);
}

/* Gives a Thing that has no hub yet to this one, when it is one of devices and asked for. */
function link(thing, wanted) {
  var isDevice = function () {
    return String(thing.ImplementsShape({ thingShapeName: "AzureIoT.Device_TS" })) === "true";
  };
  if (wanted.link !== true || !isDevice() || isSet(thing.hubThing)) {
    return "";
  }
  if (!isSet(thing.deviceId)) {
    thing.deviceId = wanted.deviceId;
  }
  thing.hubThing = me.name;
  return "linked";
}

/* What became of it: created, linked, or nothing when it existed. A Thing that several messages ask for at the same time is made
   once; the others find it. */
function createThing(wanted) {
  if (Things[wanted.name]) {
    return link(Things[wanted.name], wanted);
  }
  try {
    Resources["EntityServices"].CreateThing({
      name: wanted.name,
      description: "Made for a device of " + me.name + ".",
      thingTemplateName: wanted.template,
      projectName: wanted.project || "",
      tags: wanted.tags || ""
    });
  } catch (thrown) {
    if (!Things[wanted.name]) {
      throw thrown;
    }
    return "";
  }
  var thing = Things[wanted.name];
  thing.EnableThing();
  thing.RestartThing();
  thing.deviceId = wanted.deviceId;
  thing.hubThing = me.name;
  if (isSet(wanted.identifier)) {
    thing.SetIdentifier({ identifier: wanted.identifier });
  }
  return "created";
}

function addProperties(name, properties) {
  var thing = Things[name];
  var present = {};
  thing
    .GetPropertyDefinitions()
    .rows.toArray()
    .forEach(function (row) {
      present["$" + String(row.name)] = true;
    });
  var added = properties.filter(function (property) {
    return present["$" + property.name] !== true;
  });
  added.forEach(function (property) {
    thing.AddPropertyDefinition({
      name: property.name,
      description: "Added because the device sent it.",
      type: property.baseType,
      category: "Telemetry",
      readOnly: false,
      persistent: false,
      logged: true,
      remote: false,
      dataChangeType: "VALUE",
      dataShape: ""
    });
  });
  if (added.length > 0) {
    thing.RestartThing();
  }
  return added;
}

function run() {
  var content = plain(request);
  var answer = { created: [], linked: [], added: [], failed: [] };
  var order = [];
  var properties = {};
  (content.things || []).forEach(function (wanted) {
    try {
      var outcome = createThing(wanted);
      if (outcome === "linked") {
        answer.linked.push(wanted.name);
      }
      if (outcome === "created") {
        answer.created.push(wanted.name);
        me.ThingCreated({
          thing: wanted.name,
          template: wanted.template,
          deviceId: wanted.deviceId,
          time: new Date()
        });
      }
    } catch (thrown) {
      answer.failed.push({ thing: wanted.name, message: messageOf(thrown) });
    }
  });
  (content.properties || []).forEach(function (property) {
    var key = "$" + property.thing;
    if (!properties[key]) {
      properties[key] = { thing: property.thing, list: [] };
      order.push(key);
    }
    properties[key].list.push(property);
  });
  order.forEach(function (key) {
    var thing = properties[key].thing;
    try {
      addProperties(thing, properties[key].list).forEach(function (property) {
        answer.added.push({ thing: thing, property: property.name });
        me.PropertyCreated({
          thing: thing,
          property: property.name,
          baseType: property.baseType,
          time: new Date()
        });
      });
    } catch (thrown) {
      answer.failed.push({ thing: thing, message: messageOf(thrown) });
    }
  });
  return answer;
}

var result = run();
