/* Whether this hub Thing fires events under the names of PTC's connector: the switch belongs to AzureIoT.PtcServices_TS. */
function firesPtcEvents() {
  return String(me.ptcEvents) === "true";
}

/* Fires an event under a name of PTC's connector. Its failure must not stop the caller. */
function fireAsPtc(fire) {
  try {
    if (firesPtcEvents()) {
      fire();
    }
  } catch (thrown) {
    logger.warn("An event under a name of PTC's connector did not fire: " + errorText(thrown));
  }
}

function ptcError(message, thing, context) {
  return { id: generateGUID(), message: message, ThingName: thing, context: context };
}

/* How many messages have become dead letters by each reason since the last status of this sidecar. */
function newDeadLetters(report, reportsBefore) {
  var before = reportsBefore[report.sidecar] || {};
  var isSame = String(before.since) === String(report.since);
  var counts = report.deadLetteredByReason;
  var added = {};
  Object.keys(counts).forEach(function (reason) {
    var more = Number(counts[reason]) - (isSame ? Number(before.counts[reason]) || 0 : 0);
    if (more > 0) {
      added[reason] = more;
    }
  });
  return added;
}

/* One event for all dead letters of these reasons. */
function ptcErrorOf(added, reasons, examples) {
  var context = { reasons: {} };
  var total = 0;
  reasons.forEach(function (reason) {
    context.reasons[reason] = added[reason];
    total += added[reason];
  });
  var first = examples[reasons[0]] || {};
  var text = reasons[0] + ": " + (first.message || "");
  var message = total > 1 ? text + " (one of " + total + " messages since the last event)" : text;
  return ptcError(message, first.thing || String(me.name), context);
}

/* The properties of one Thing that could not be written, as far as the examples name them. */
function unwrittenProperties(thing, reasons, examples) {
  var rows = [];
  reasons.forEach(function (reason) {
    var example = examples[reason] || {};
    if (isSet(example.property) && example.thing === thing) {
      rows.push({ name: example.property, timestamp: example.time });
    }
  });
  return toTable(rows, PTC_EVENTS.properties);
}

/* Fires WritePropertyError and ProtocolError for dead letters of the sidecar, and InternalError for a new error of the hub. Each status fires
   at most one of each, however many messages it reports. */
function firePtcErrors(report, problem, codeBefore) {
  if (problem && problem.code !== codeBefore) {
    me.InternalError(ptcError(codedText(problem), String(me.name), { code: problem.code }));
  }
  if (!report.deadLetteredByReason || !isSet(report.sidecar)) {
    return;
  }
  var noted = plain(me.ptcReported) || {};
  var isFirst = Object.keys(noted).length === 0;
  var added = newDeadLetters(report, noted);
  var reasons = Object.keys(added);
  if (!isFirst && reasons.length === 0) {
    return;
  }
  noted[report.sidecar] = { since: report.since, counts: report.deadLetteredByReason };
  me.ptcReported = noted;
  /* Dead letters from before the shape was added fire nothing. */
  if (isFirst) {
    return;
  }
  var examples = report.lastDeadLetters || {};
  var isUnwritten = function (reason) {
    return PTC_EVENTS.unwritten.indexOf(reason) >= 0;
  };
  var unwritten = reasons.filter(isUnwritten);
  if (unwritten.length > 0) {
    var error = ptcErrorOf(added, unwritten, examples);
    error.properties = unwrittenProperties(error.ThingName, unwritten, examples);
    me.WritePropertyError(error);
  }
  var malformed = reasons.filter(function (reason) {
    return !isUnwritten(reason);
  });
  if (malformed.length > 0) {
    me.ProtocolError(ptcErrorOf(added, malformed, examples));
  }
}
