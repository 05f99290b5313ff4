/* Removes Things of devices of this hub; any other Thing is left alone and reported. */
function isDeviceOfThisHub(thing) {
  try {
    return String(thing.hubThing) === String(me.name);
  } catch (ignored) {
    return false;
  }
}

function run() {
  var answer = { deleted: [], failed: [] };
  (contentOf("request", request).things || []).forEach(function (name) {
    try {
      var thing = Things[name];
      if (!thing) {
        return;
      }
      if (!isDeviceOfThisHub(thing)) {
        answer.failed.push({ thing: name, message: "It is no device of " + me.name + "." });
        return;
      }
      Resources["EntityServices"].DeleteThing({ name: name });
      answer.deleted.push(name);
    } catch (thrown) {
      /* Another call has deleted it in the meantime. */
      if (!Things[name]) {
        return;
      }
      answer.failed.push({ thing: name, message: String((thrown && thrown.message) || thrown) });
    }
  });
  return answer;
}

var result = run();
