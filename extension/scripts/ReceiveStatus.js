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

/* The errors so far, oldest first, as ordinary rows. */
function readErrors() {
  var table = me.recentErrors;
  return table ? tableRows(table, ERROR_FIELDS) : [];
}

/* The errors that the sidecar reports, and the present one where a script reports it. */
function reportedErrors(content) {
  var errors = content.recentErrors || [];
  if (content.lastError && !content.recentErrors) {
    errors = [content.lastError];
  }
  return errors.map(function (error) {
    var row = {
      time: toDate(error.time || new Date().toISOString()).toISOString(),
      code: String(error.code),
      message: codedText(error),
      remedy: error.remedy || REMEDIES[error.code] || ""
    };
    if (isSet(error.clearedAt)) {
      row.clearedAt = toDate(error.clearedAt).toISOString();
    }
    if (isSet(content.sidecar)) {
      row.sidecar = content.sidecar;
    }
    return row;
  });
}

/* Keeps the last twenty errors, also of sidecars that were stopped since. One that goes on is one row with its latest text; what
   nobody reports any more is over. Each sidecar of a group reports its own. */
function followErrors(content, others) {
  var rows = readErrors();
  var before = JSON.stringify(rows);
  var now = new Date().toISOString();
  var errors = reportedErrors(content);
  var used = errors.map(function () {
    return false;
  });
  rows.forEach(function (row) {
    var isOfAnother = others.some(function (member) {
      return member.name === row.sidecar;
    });
    if (isOfAnother) {
      return;
    }
    errors.forEach(function (error, index) {
      var isSame =
        row.code === error.code &&
        (row.time === error.time || (!isSet(row.clearedAt) && !isSet(error.clearedAt)));
      if (isSame && !used[index]) {
        used[index] = true;
        row.message = error.message;
        row.clearedAt = error.clearedAt;
        row.isReported = true;
      }
    });
    if (!row.isReported && !isSet(row.clearedAt)) {
      row.clearedAt = now;
    }
    delete row.isReported;
  });
  rows = rows
    .concat(
      errors.filter(function (_error, index) {
        return !used[index];
      })
    )
    .sort(function (one, other) {
      return one.time < other.time ? -1 : one.time > other.time ? 1 : 0;
    })
    .slice(-20);
  if (JSON.stringify(rows) !== before) {
    me.recentErrors = toTable(rows, { dataShape: "AzureIoT.RecentError_DS", fields: ERROR_FIELDS });
  }
}

/* Only the sidecar that runs the canary reports it, unless it is off. */
function showCanary(report) {
  var canary = report.canary;
  if (!canary || (canary.state === "off" && String(me.canaryState) === "off")) {
    return;
  }
  me.canaryState = canary.state;
  me.canaryReason = canary.reason || "";
  me.canarySidecar = canary.state === "off" ? "" : report.sidecar;
  if (canary.time) {
    me.canaryTime = toDate(canary.time);
  }
  me.canaryPaths = toTable(canary.paths, CANARY_TYPE);
  CANARY_FIGURES.forEach(function (figure) {
    canary.paths.forEach(function (path) {
      if (path.path === figure.path && isSet(path[figure.member])) {
        me[figure.property] = path[figure.member];
      }
    });
  });
}

function run() {
  var report = contentOf("status", status);
  var others = isSet(report.sidecar) ? noteMember(report) : [];
  var content = statusOfGroup(report, others);
  var before = String(me.connectionStatus || "");
  var problem = content.lastError;
  if (report.counters) {
    me.messagesReceived = content.counters.received;
    me.messagesDelivered = content.counters.delivered;
    me.messagesIgnored = content.counters.ignored;
    me.messagesDeadLettered = content.counters.deadLettered;
    me.messagesInFlight = content.counters.inFlight;
    me.messagesRepeated = content.counters.repeated;
    var isStalledElsewhere = others.some(function (member) {
      return member.isStalled;
    });
    if (!isStalledElsewhere || (report.stall && !report.stall.until)) {
      followStall(report.stall);
    }
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
  var codeBefore = String(me.lastErrorCode || "");
  me.lastErrorCode = problem ? problem.code : "";
  me.lastError = problem ? codedText(problem) : "";
  followErrors(report, others);
  if (problem) {
    me.lastErrorTime = toDate(problem.time);
  }
  showCanary(report);
  showQuota(report);
  me.statusTime = new Date();
  if (content.state !== undefined && content.state !== before) {
    me.connectionStatus = content.state;
    me.ConnectionStateChanged({
      state: content.state,
      previousState: before,
      reason: problem ? codedText(problem) : content.reason || "",
      code: problem ? problem.code : "",
      time: new Date()
    });
  }
  fireAsPtc(function () {
    firePtcErrors(report, problem, codeBefore);
  });
}

run();
