/* The way from a service to the sidecar. An operation has a name and no path, so nothing can lead elsewhere; and what it is about is this
   Thing, so that a right on this service of one Thing opens no other. */
function run() {
  var name = String(operation);
  if (!/^[A-Z][A-Za-z]*$/.test(name)) {
    throw new Error("REQUEST_INVALID: operation must be the name of an operation, such as GetTwin.");
  }
  /* Some services add what a caller grants the device: the sidecar refuses what is out of range, by its name. */
  var endMs = budgetEnd(isSet(timeoutSeconds) ? Math.min(Math.max(Number(timeoutSeconds), 1), 3600) : 20);
  var content = isSet(input) ? given(input, "input") : {};
  var sent = isSet(secret) ? sendPassword(secret, endMs) : { ticket: "", address: "" };
  return askWithToken({
    operation: name,
    input: content,
    secretTicket: sent.ticket,
    address: sent.address,
    endMs: endMs
  });
}

var result = run();
