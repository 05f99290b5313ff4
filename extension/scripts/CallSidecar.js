/* The way from a service to the sidecar. */
var result = askWithToken({
  method: method,
  path: path,
  content: content,
  endMs: budgetEnd(isSet(timeoutSeconds) ? Number(timeoutSeconds) : 20)
});
