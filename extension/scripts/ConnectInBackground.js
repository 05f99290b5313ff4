/* What subscriptions call: nobody waits for it, and a sidecar that is not there yet is no error here. The sidecar asks each hub
   Thing to connect when it starts. A reason that stays the same is logged once. */
function run() {
  if (!isCollector()) {
    return;
  }
  var before = String(me.lastError || "");
  try {
    connectHub(budgetEnd(10));
  } catch (thrown) {
    var text = errorText(thrown);
    if (String(me.lastError || "") !== before) {
      logger.warn("Azure IoT hub Thing {} is not connected: {}", me.name, text);
    }
  }
}

run();
