/* The Thing that a property names, which calls the sidecar for this one. */
function callerOf(property) {
  var name = me[property];
  var thing = Things[name];
  if (!thing) {
    throw new Error(
      "SETTING_INVALID: " +
        property +
        " of " +
        me.name +
        " names a Thing that does not exist or is not visible: " +
        name
    );
  }
  var kind;
  try {
    kind = typeof thing.sidecarUrl;
  } catch (thrown) {
    throw new Error(errorText(thrown));
  }
  if (kind === "undefined") {
    throw new Error(
      "SETTING_INVALID: " + property + " of " + me.name + " names a Thing that knows no sidecar: " + name
    );
  }
  return thing;
}

/* The hub Thing of this device. */
function hubOf() {
  if (!isSet(me.hubThing)) {
    throw new Error("SETTING_MISSING: hubThing of " + me.name + " is not set.");
  }
  return callerOf("hubThing");
}

/* The id of the device that a device Thing stands for. */
function deviceIdOf(thing) {
  return isSet(thing.deviceId) ? String(thing.deviceId) : String(thing.name);
}

/* The id of a device that a script names as scripts for PTC's connector do: by the id, which was the name of its Thing, or by a Thing. */
function ptcDeviceId(name) {
  var thing = Things[String(name)];
  try {
    return thing && isSet(thing.deviceId) ? String(thing.deviceId) : String(name);
  } catch (ignored) {
    return String(name);
  }
}
