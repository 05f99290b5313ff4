try {
  me.CallSidecar({ operation: "Disconnect" });
} catch (thrown) {
  throw new Error(errorText(thrown));
}
me.ReceiveStatus({ status: { state: "stopped" } });
