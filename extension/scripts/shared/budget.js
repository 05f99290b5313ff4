/* The end of a time budget, in milliseconds since 1970. One budget is shared by all calls of a service: ThingWorx ends a script
   after 30 seconds, and nothing that comes afterwards would run. */
function budgetEnd(seconds) {
  return new Date().getTime() + seconds * 1000;
}

/* How many seconds the next call may take. Throws when the budget is used up. */
function secondsLeft(endMs) {
  var left = Math.round((endMs - new Date().getTime()) / 1000);
  if (left < 1) {
    throw new Error("SIDECAR_TIMEOUT: The calls to the sidecar took longer than this service may take.");
  }
  return left;
}
