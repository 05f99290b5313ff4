/* Writes what the IoT Hub says of the device into the twin properties, connectionState, lastActivityTime and modelId. */
function run() {
  if (!isSet(me.hubThing)) {
    throw new Error("SETTING_MISSING: hubThing of " + me.name + " is not set.");
  }
  var hub = Things[me.hubThing];
  if (!hub) {
    throw new Error(
      "THINGWORX_NOT_FOUND: The hub Thing " + me.hubThing + " does not exist or is not visible."
    );
  }
  var twin = plain(hub.CallSidecar({ method: "GET", path: deviceRoute("/twin/sections") }));
  writeTwin(me, twin);
  return twin;
}

var result = run();
