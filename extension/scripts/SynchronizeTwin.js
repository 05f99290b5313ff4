/* Brings a value that was set for twinDesired or twinTags to the IoT Hub, once. A value that came from there stays here. What the
   hub does not take is put back as the hub has it. */
var SECTIONS = { twinDesired: "desired", twinTags: "tags" };

/* A value that was set meanwhile is left: its own change follows. */
function show(value, content) {
  if (canonicalText(plain(me[property]) || {}) === canonicalText(value)) {
    writeFromHub(me, property, content);
  }
}

function refuse(hub, path, value, thrown) {
  var text = errorText(thrown);
  var content = plain(before) || {};
  try {
    var twin = plain(hub.CallSidecar({ method: "GET", path: path + "/sections" }));
    content = twin[SECTIONS[property]];
  } catch (ignored) {
    logger.warn("The twin of {} cannot be read; {} has its last value again.", me.name, property);
  }
  show(value, content);
  me.TwinUpdateRefused({
    deviceId: isSet(me.deviceId) ? String(me.deviceId) : String(me.name),
    property: property,
    code: errorCode(text) || "INTERNAL",
    message: text,
    attempted: value,
    time: new Date()
  });
}

function run() {
  if (!isSet(me.hubThing)) {
    return;
  }
  var hub = Things[me.hubThing];
  var value = plain(after) || {};
  /* Set again later, even a value of the hub's is a user's. */
  if (!hub || value.$mirrored === time.getTime()) {
    return;
  }
  var path = deviceRoute("/twin");
  /* The platform makes {} of null and boxes an array. What a script has read and changed has $version, also without a key left. */
  var isEmptied = Object.keys(value).length === 0 && Object.keys(plain(before) || {}).length > 0;
  if (isEmptied || Array.isArray(unboxed(after))) {
    refuse(
      hub,
      path,
      value,
      new Error(
        "REQUEST_INVALID: " +
          property +
          " must be a JSON object with keys; null, {} and lists are refused. Call ReplaceTwin to remove all keys."
      )
    );
    return;
  }
  try {
    var answer = plain(
      hub.CallSidecar({
        method: "POST",
        path: path + "/changes",
        content: { section: SECTIONS[property], before: plain(before) || {}, after: value }
      })
    );
    show(value, answer.content);
  } catch (thrown) {
    refuse(hub, path, value, thrown);
  }
}

run();
