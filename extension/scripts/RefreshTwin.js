/* Writes what the IoT Hub says of the device into the twin properties, connectionState, lastActivityTime and modelId. */
function run() {
  var before = deviceSnapshot(me);
  var path = deviceRoute("/twin/sections");
  var twin = plain(hubOf().CallSidecar({ method: "GET", path: path }));
  writeTwin(me, twin, before);
  return twin;
}

var result = run();
