/* Writes a status, whole or in part, to the status properties, and fires ConnectionStateChanged when the state is another. */
function run() {
  var content = plain(status);
  var before = String(me.connectionStatus || "");
  var problem = content.lastError;
  if (content.counters) {
    me.messagesReceived = content.counters.received;
    me.messagesDelivered = content.counters.delivered;
    me.messagesIgnored = content.counters.ignored;
    me.messagesDeadLettered = content.counters.deadLettered;
    me.messagesInFlight = content.counters.inFlight;
    me.messagesRepeated = content.counters.repeated;
  }
  if (content.ratePerSecond !== undefined) {
    me.ratePerSecond = content.ratePerSecond;
  }
  if (content.lag !== undefined) {
    me.lag = content.lag;
  }
  if (content.partitions) {
    me.partitionStatus = toTable(content.partitions, "AzureIoT.Partition_DS", PARTITION_FIELDS);
  }
  if (content.since) {
    me.connectedSince = toDate(content.since);
  }
  if (content.version) {
    me.sidecarVersion = content.version;
  }
  me.lastErrorCode = problem ? problem.code : "";
  me.lastError = problem ? problem.message : "";
  if (problem) {
    me.lastErrorTime = toDate(problem.time);
  }
  me.statusTime = new Date();
  if (content.state !== undefined && content.state !== before) {
    me.connectionStatus = content.state;
    me.ConnectionStateChanged({
      state: content.state,
      previousState: before,
      reason: content.reason || (problem ? problem.message : ""),
      code: problem ? problem.code : "",
      time: new Date()
    });
  }
}

run();
