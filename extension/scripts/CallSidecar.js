/* The way from a service to the sidecar. */
var endMs = budgetEnd(isSet(timeoutSeconds) ? Number(timeoutSeconds) : 20);
var result = askWithToken({
  method: method,
  path: path,
  content: content,
  secretTicket: isSet(secret) ? sendPassword(secret, endMs) : "",
  endMs: endMs
});
