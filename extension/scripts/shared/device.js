/* The hub Thing of this device. */
function hubOf() {
  if (!isSet(me.hubThing)) {
    throw new Error("SETTING_MISSING: hubThing of " + me.name + " is not set.");
  }
  var thing = Things[me.hubThing];
  if (!thing) {
    throw new Error(
      "SETTING_INVALID: hubThing of " +
        me.name +
        " names a Thing that does not exist or is not visible: " +
        me.hubThing
    );
  }
  return thing;
}

/* A route of the sidecar about this device. */
function deviceRoute(rest) {
  var deviceId = isSet(me.deviceId) ? String(me.deviceId) : String(me.name);
  return "/v1/hubs/" + pathPart(me.hubThing) + "/devices/" + pathPart(deviceId) + rest;
}
