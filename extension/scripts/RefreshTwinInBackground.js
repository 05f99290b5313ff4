/* What subscriptions call when this Thing is new, or stands for another device now: the sidecar answers at once, reads the twin and writes it
   here. While the hub Thing is not connected nothing is asked: the first twin change brings the whole twin then. */
function isConnected() {
  var hub = Things[String(me.hubThing)];
  return !!hub && ["running", "waiting"].indexOf(String(hub.connectionStatus)) >= 0;
}

function run() {
  var anew = isSet(always) && String(always) === "true";
  var isKnown = isSet(sectionOf(me, "twinDesired").$version);
  if (!isSet(me.hubThing) || (isKnown && !anew) || !isConnected()) {
    return;
  }
  try {
    callerOf("hubThing").CallSidecar({
      operation: "DeferTwin",
      input: { deviceId: deviceIdOf(me), thing: String(me.name), anew: anew },
      timeoutSeconds: 2
    });
  } catch (thrown) {
    logger.warn("The twin of {} is not read: {}", me.name, errorText(thrown));
  }
}

run();
