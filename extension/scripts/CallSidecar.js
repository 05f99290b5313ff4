/* The way from a service to the sidecar. An operation has a name and no path, so nothing can lead elsewhere; and what it is about is this
   Thing, so that a right on this service of one Thing opens no other. */
function run() {
  var name = String(operation);
  if (!/^[A-Z][A-Za-z]*$/.test(name)) {
    throw new Error("REQUEST_INVALID: operation must be the name of an operation, such as GetTwin.");
  }
  /* Some services add what a caller grants the device: the sidecar refuses what is out of range, by its name. */
  var endMs = budgetEnd(isSet(timeoutSeconds) ? Math.min(Math.max(Number(timeoutSeconds), 1), 3600) : 20);
  return askWithToken({
    operation: name,
    input: isSet(input) ? given(input, "input") : {},
    secretTicket: isSet(secret) ? sendPassword(secret, endMs) : "",
    endMs: endMs
  });
}

var result = run();
