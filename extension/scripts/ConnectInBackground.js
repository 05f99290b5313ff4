/* What subscriptions call: it must not hold up the platform's start, and a sidecar that is not there yet is no error here.
   The sidecar asks each hub Thing to connect when it starts. */
try {
  me.Connect();
} catch (thrown) {
  logger.warn("Azure IoT hub Thing {} is not connected: {}", me.name, errorText(thrown));
}
