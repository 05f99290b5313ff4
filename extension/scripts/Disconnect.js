try {
  eachSidecar(budgetEnd(25), function (address, partMs) {
    askWithToken({ operation: "Disconnect", address: address, endMs: partMs });
  });
} catch (thrown) {
  throw new Error(errorText(thrown));
}
me.ReceiveStatus({ status: { state: "stopped" } });
