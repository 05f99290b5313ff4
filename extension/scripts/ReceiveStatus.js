/* Writes a status, whole or in part, to the status properties, and fires ConnectionStateChanged when the state is another,
   and both ends of a stall once, be it after the stall has ended. */
function stallEvent(stall, since, time) {
  return {
    since: since,
    code: stall.code || "",
    reason: stall.reason || "",
    seconds: (time.getTime() - since.getTime()) / 1000,
    time: time
  };
}

function followStall(stall) {
  var since = stall ? toDate(stall.since) : me.stalledSince;
  if (stall && (!me.stalledSince || me.stalledSince.getTime() !== since.getTime())) {
    me.stalledSince = since;
    me.ingestionStalled = true;
    me.IngestionStalled(stallEvent(stall, since, new Date()));
  }
  /* A sidecar that was started anew knows of no stall. */
  if (me.ingestionStalled && (!stall || stall.until)) {
    me.ingestionStalled = false;
    me.IngestionResumed(stallEvent(stall || {}, since, stall ? toDate(stall.until) : new Date()));
  }
}

/* "CODE: text", whoever says it. */
function codedText(problem) {
  var message = String(problem.message || "");
  return errorCode(message) !== "" || !isSet(problem.code) ? message : problem.code + ": " + message;
}

/* The errors so far, oldest first, as ordinary rows. */
function readErrors() {
  var table = me.recentErrors;
  return table ? tableRows(table, ERROR_FIELDS) : [];
}

/* Keeps the last twenty errors. One that goes on is one row with its latest text; what is over gets the time when that was seen. */
function followErrors(problem) {
  var rows = readErrors();
  var before = JSON.stringify(rows);
  var now = new Date().toISOString();
  var open = null;
  rows.forEach(function (row) {
    if (isSet(row.clearedAt)) {
      return;
    }
    if (problem && row.code === String(problem.code)) {
      row.message = codedText(problem);
      open = row;
    } else {
      row.clearedAt = now;
    }
  });
  if (problem && open === null) {
    rows.push({
      time: isSet(problem.time) ? toDate(problem.time).toISOString() : now,
      code: String(problem.code),
      message: codedText(problem),
      remedy: REMEDIES[problem.code] || ""
    });
  }
  rows = rows.slice(-20);
  if (JSON.stringify(rows) !== before) {
    me.recentErrors = toTable(rows, { dataShape: "AzureIoT.RecentError_DS", fields: ERROR_FIELDS });
  }
}

function run() {
  var content = contentOf("status", status);
  var before = String(me.connectionStatus || "");
  var problem = content.lastError;
  if (content.counters) {
    me.messagesReceived = content.counters.received;
    me.messagesDelivered = content.counters.delivered;
    me.messagesIgnored = content.counters.ignored;
    me.messagesDeadLettered = content.counters.deadLettered;
    me.messagesInFlight = content.counters.inFlight;
    me.messagesRepeated = content.counters.repeated;
    followStall(content.stall);
  }
  if (content.ratePerSecond !== undefined) {
    me.ratePerSecond = content.ratePerSecond;
  }
  if (content.lag !== undefined) {
    me.lag = content.lag;
  }
  if (content.partitions) {
    me.partitionStatus = toTable(content.partitions, PARTITIONS_TYPE);
  }
  if (content.since) {
    me.connectedSince = toDate(content.since);
  }
  if (content.version) {
    me.sidecarVersion = content.version;
  }
  me.lastErrorCode = problem ? problem.code : "";
  me.lastError = problem ? codedText(problem) : "";
  followErrors(problem);
  if (problem) {
    me.lastErrorTime = toDate(problem.time);
  }
  me.statusTime = new Date();
  if (content.state !== undefined && content.state !== before) {
    me.connectionStatus = content.state;
    me.ConnectionStateChanged({
      state: content.state,
      previousState: before,
      reason: content.reason || (problem ? codedText(problem) : ""),
      code: problem ? problem.code : "",
      time: new Date()
    });
  }
}

run();
