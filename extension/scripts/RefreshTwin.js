/* Writes what the IoT Hub says of the device into the twin properties, connectionState, lastActivityTime and modelId. */
function run() {
  var path = deviceRoute("/twin/sections");
  var twin = plain(callerOf("hubThing").CallSidecar({ method: "GET", path: path }));
  writeTwin(me, twin);
  return twin;
}

var result = run();
