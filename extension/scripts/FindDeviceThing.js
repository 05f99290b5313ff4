/* The Thing of a device, as a row; no row when the device has none that the user sees. */
function run() {
  try {
    var found = isSet(deviceId)
      ? plain(chosenThing(thing, "hub").FindDeviceThings({ request: { deviceIds: [String(deviceId)] } }))
          .things
      : [];
    return toTable(
      found.map(function (item) {
        return { name: item.thing, description: "" };
      }),
      RESULT_TYPE
    );
  } catch (thrown) {
    throw withRemedy(thrown);
  }
}

var result = run();
