/* Writes what the IoT Hub says of the device into the twin properties, connectionState, lastActivityTime and modelId. */
function run() {
  var before = deviceSnapshot(me);
  var twin = plain(
    hubOf().CallSidecar({ operation: "GetTwinSections", input: { deviceId: deviceIdOf(me) } })
  );
  writeTwin(me, twin, before);
  return twin;
}

var result = run();
