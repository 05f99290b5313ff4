/* What subscriptions call. The sidecar asks each storage Thing to connect when it starts, so that one that is not there yet is no
   error here; and neither is a Thing without settings, which every new one is. A reason that stays the same is logged once. */
function run() {
  if (!isCollector()) {
    return;
  }
  var secrets = secretsOf(["storageConnectionString"]);
  if (secrets.names.length === 0 && secrets.withheld.length === 0 && !isSet(me.blobEndpoint)) {
    return;
  }
  var before = String(me.lastError || "");
  try {
    connectStorage(budgetEnd(10));
  } catch (thrown) {
    var text = withCode(errorText(thrown));
    me.lastError = text;
    if (text !== before) {
      logger.warn("Azure storage Thing {} is not connected: {}", me.name, text);
    }
  }
}

run();
