/* What the subscription to TwinChanged calls: the sidecar answers at once, reads what edgeAgent has reported, and writes modulesStatus. */
try {
  hubOf().CallSidecar({
    operation: "DeferModulesStatus",
    input: { deviceId: deviceIdOf(me), thing: String(me.name) },
    timeoutSeconds: 2
  });
} catch (thrown) {
  logger.warn("modulesStatus of {} stays as it is: {}", me.name, errorText(thrown));
}
