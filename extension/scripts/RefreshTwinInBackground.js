/* What subscriptions call when this Thing is new, or stands for another device now. A sidecar that is not there is no error here. */
function run() {
  var isKnown = isSet(sectionOf(me, "twinDesired").$version);
  if (!isSet(me.hubThing) || (isKnown && String(always) !== "true")) {
    return;
  }
  try {
    me.RefreshTwin();
  } catch (thrown) {
    logger.warn("The twin of {} cannot be read: {}", me.name, errorText(thrown));
  }
}

run();
