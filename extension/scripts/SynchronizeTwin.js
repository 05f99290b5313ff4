/* Brings a value that was set for twinDesired or twinTags to the IoT Hub. The subscription that calls this waits for no answer of
   Azure: the sidecar keeps the change, and reports the outcome by ReceiveEvents. A value that came from the hub stays here. What
   the sidecar does not take is put back at once. */
var SECTIONS = { twinDesired: "desired", twinTags: "tags" };

function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/* A value that was set meanwhile is left: its own change follows. */
function refuse(text) {
  var present = me[property];
  if (canonicalText(plain(present)) === canonicalText(plain(after))) {
    var content = plain(before);
    content = isObject(content) ? content : {};
    delete content.$mirrored;
    writeFromHub(me, property, content);
  }
  me.TwinUpdateRefused({
    deviceId: isSet(me.deviceId) ? String(me.deviceId) : String(me.name),
    property: property,
    code: errorCode(text) || "INTERNAL",
    message: text,
    attempted: boxed(plain(after)),
    time: new Date()
  });
}

function run() {
  if (!SECTIONS.hasOwnProperty(property)) {
    throw new Error("REQUEST_INVALID: property is " + property + "; expected twinDesired or twinTags.");
  }
  if (!isSet(me.hubThing)) {
    return;
  }
  /* null would remove everything; ThingWorx boxes an array as {"array": [...]}. */
  var value = unboxed(after, "after");
  /* What a script has read and changed has $version, also without a key left: {} is what the platform makes of null. */
  var isEmptied =
    isObject(value) && Object.keys(value).length === 0 && Object.keys(plain(before) || {}).length > 0;
  if (!isObject(value) || isEmptied) {
    refuse(
      "REQUEST_INVALID: " +
        property +
        " must be a JSON object with keys; null, {} and lists are refused. Call ReplaceTwin to remove all keys."
    );
    return;
  }
  /* Set again later, even a value of the hub's is a user's. */
  if (isSet(time) && value.$mirrored === time.getTime()) {
    return;
  }
  try {
    callerOf("hubThing").CallSidecar({
      operation: "DeferTwinChange",
      input: {
        deviceId: deviceIdOf(me),
        thing: String(me.name),
        section: SECTIONS[property],
        before: isObject(plain(before)) ? plain(before) : {},
        after: value
      },
      timeoutSeconds: 2
    });
  } catch (thrown) {
    refuse(errorText(thrown));
  }
}

run();
