/* Which Things belong to the devices: the Thing of the same name, or the one whose deviceId names the device. */
var MAX_FOUND = 1000;

function textOf(thing, property) {
  try {
    var value = thing[property];
    return isSet(value) ? String(value) : "";
  } catch (ignored) {
    return "";
  }
}

/* A Thing of the same name counts when it is a device of this hub and does not say that it belongs to another one. */
function hasName(deviceId) {
  var thing;
  try {
    thing = Things[deviceId];
  } catch (ignored) {
    return false;
  }
  if (!thing || textOf(thing, "hubThing") !== String(me.name)) {
    return false;
  }
  var own = textOf(thing, "deviceId");
  return own === "" || own === deviceId;
}

function search(deviceIds) {
  return ThingShapes["AzureIoT.Device_TS"]
    .QueryImplementingThingsWithData({
      maxItems: MAX_FOUND,
      query: {
        filters: {
          type: "AND",
          filters: [
            { type: "EQ", fieldName: "hubThing", value: String(me.name) },
            { type: "IN", fieldName: "deviceId", values: deviceIds }
          ]
        }
      }
    })
    .rows.toArray()
    .map(function (row) {
      return { deviceId: String(row.deviceId), thing: String(row.name) };
    });
}

function run() {
  var deviceIds = contentOf("request", request).deviceIds || [];
  var named = deviceIds.filter(hasName);
  var others = deviceIds.filter(function (deviceId) {
    return named.indexOf(deviceId) < 0;
  });
  var things = named.map(function (deviceId) {
    return { deviceId: deviceId, thing: deviceId };
  });
  return { things: others.length === 0 ? things : things.concat(search(others)) };
}

var result = run();
