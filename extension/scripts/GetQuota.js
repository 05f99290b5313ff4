/* The use of the daily quota: what the sidecar has counted, or the sum of what all of a group have reported. */
function run() {
  var own = plain(me.CallSidecar({ operation: "GetQuota" }));
  var today = reportedQuotas(own.day);
  return toTable([today.length > 1 ? quotaOfGroup(today) : own], RESULT_TYPE);
}

var result = run();
