try {
  me.CallSidecar({ method: "DELETE", path: "/v1/hubs/" + encodeURIComponent(me.name) });
} catch (thrown) {
  throw new Error(errorText(thrown));
}
me.ReceiveStatus({ status: { state: "stopped" } });
