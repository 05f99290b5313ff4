/* Sends a writable property that somebody has set to the device. What the twin brought here, by ReceiveTwin, has been marked with its time
   and goes nowhere. */
function wasReceived() {
  var marks = plain(me.receivedValues) || {};
  var times = modelMember(marks, String(property)) || [];
  return isSet(time) && times.indexOf(time.getTime()) >= 0;
}

function patchOf(value) {
  var patch = {};
  patch[String(name)] = value;
  if (!isSet(component)) {
    return patch;
  }
  var whole = {};
  whole[String(component)] = patch;
  return whole;
}

function send(value) {
  switch (String(channel)) {
    case "message":
      me.SendProperties({ values: patchOf(value), background: true });
      return;
    case "method":
      me.WriteByMethod({
        method: (isSet(component) ? component + "*" : "") + name,
        content: { value: value }
      });
      return;
    default:
      var patch = patchOf(value);
      if (isSet(component)) {
        /* By this mark a device tells a component from an object. */
        patch[String(component)].__t = "c";
      }
      me.SynchronizeTwin({ property: "twinDesired", before: {}, after: patch, time: time });
  }
}

function run() {
  if (!isSet(me.hubThing) || wasReceived()) {
    return;
  }
  var value = modelToDevice(plain(content).value, plain(type).type);
  if (value !== undefined) {
    send(value);
  }
}

run();
