/* What a device Thing says of its device, as texts for labels, and the software packages. */
function run() {
  var device = chosenThing(thing, "device");
  var activity = device.lastActivityTime;
  var table = toTable(
    [
      {
        thing: String(thing),
        deviceId: isSet(device.deviceId) ? String(device.deviceId) : String(thing),
        hub: isSet(device.hubThing) ? String(device.hubThing) : "",
        connectionState: isSet(device.connectionState) ? String(device.connectionState) : "not known",
        lastActivity: isSet(activity) && activity.getTime() > 0 ? dateText(activity) : "never",
        modelId: isSet(device.modelId) ? String(device.modelId) : ""
      }
    ],
    RESULT_TYPE
  );
  if (isSet(device.softwarePackages)) {
    table.rows[0].packages = device.softwarePackages;
  }
  return table;
}

var result = run();
