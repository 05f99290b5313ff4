/* What subscriptions call. The sidecar asks each storage Thing to connect when it starts, so that one that is not there yet is no
   error here; and neither is a Thing without settings, which every new one is. */
try {
  if (isSet(me.storageConnectionString) || isSet(me.blobEndpoint)) {
    me.ConnectStorage();
  }
} catch (thrown) {
  logger.warn("Azure storage Thing {} is not connected: {}", me.name, errorText(thrown));
}
