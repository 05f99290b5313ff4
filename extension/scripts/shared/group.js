/* The sidecars of this Thing that have a lease, as ordinary rows, the eldest first. */
function groupMembers() {
  /* Read once: another sidecar may write it at any moment. */
  var table = sidecarTable();
  var names = livingRows(table).map(function (row) {
    return String(row.name);
  });
  var rows = table ? tableRows(table, SIDECARS_TYPE.fields) : [];
  return names.map(function (name) {
    return rows.filter(function (row) {
      return row.name === name;
    })[0];
  });
}

/* Whether a sidecar is behind a load balancer. An answer to Connect does not say so; then the sidecars known so far do. */
function isBalanced(content, members) {
  if (isSet(content.addresses)) {
    return content.isBalanced === true;
  }
  return members.some(function (member) {
    return String(member.address).indexOf("#") >= 0;
  });
}

/* The entries of sidecarUrl; none when it is empty or no address. A sidecar that still has settings goes on telling its status. */
function validEntries() {
  try {
    return addressEntries();
  } catch (ignored) {
    return [];
  }
}

/* The address of a sidecar among those at which it listens. Behind a load balancer, it is that of all, and the name says which one is meant. */
function memberAddress(content, before, balanced) {
  var entries = validEntries();
  if (entries.length === 0) {
    return before;
  }
  if (!hasGroup(entries)) {
    return balanced ? entries[0] + "#" + content.sidecar : entries[0];
  }
  var own = (content.addresses || []).filter(function (address) {
    return matchesAny(address, entries);
  });
  if (own.length === 0) {
    return before;
  }
  return balanced ? own[0] + "#" + content.sidecar : own[0];
}

/* What a sidecar reports of itself. content: its status; before: its row so far; balanced: whether it is behind a load balancer. */
function memberRow(content, before, balanced) {
  var now = new Date();
  var counters = content.counters || {};
  var own = (content.partitions || []).filter(function (partition) {
    return partition.owner === content.sidecar;
  });
  return {
    name: content.sidecar,
    address: memberAddress(content, before.address, balanced),
    version: content.version,
    state: content.state,
    reason: content.lastError ? codedText(content.lastError) : content.reason,
    isStalled: !!content.stall && !content.stall.until,
    partitions: own.length,
    lag: own.reduce(function (sum, partition) {
      return sum + partition.lag;
    }, 0),
    ratePerSecond: content.ratePerSecond || 0,
    received: counters.received || 0,
    delivered: counters.delivered || 0,
    ignored: counters.ignored || 0,
    deadLettered: counters.deadLettered || 0,
    inFlight: counters.inFlight || 0,
    repeated: counters.repeated || 0,
    since: content.since || before.since || isoTime(now),
    leaseUntil: isoTime(new Date(now.getTime() + 15000)),
    cpuPercent: content.cpuPercent,
    memoryBytes: content.memoryBytes
  };
}

/* Renews the lease of the sidecar that has said this, or ends it when it leaves, and forgets those whose lease has ended. Gives the others that
   have one. */
function noteMember(content) {
  var members = groupMembers();
  var others = members.filter(function (member) {
    return member.name !== content.sidecar;
  });
  var before = members.filter(function (member) {
    return member.name === content.sidecar;
  })[0];
  var rows = others;
  if (content.leaves !== true) {
    var balanced = isBalanced(content, members);
    var row = memberRow(content, before || {}, balanced);
    var entries = validEntries();
    if (entries.length > 0 && !hasGroup(entries) && !balanced) {
      others = [];
    }
    /* Started anew, it may have another name at the same address. */
    others = others.filter(function (member) {
      return member.address !== row.address;
    });
    rows = row.address === undefined ? others : others.concat([row]);
  }
  me.sidecars = toTable(rows, SIDECARS_TYPE);
  return others;
}

function sumOf(rows, name) {
  return rows.reduce(function (sum, row) {
    return sum + Number(row[name] || 0);
  }, 0);
}

/* The partitions of the group: what this sidecar reads as it reports it, what others read as they have reported it. */
function groupPartitions(content, others) {
  var known = me.partitionStatus ? tableRows(me.partitionStatus, PARTITIONS_TYPE.fields) : [];
  return content.partitions.map(function (partition) {
    var reported = known.filter(function (row) {
      return (
        row.partition === partition.partition &&
        others.some(function (member) {
          return member.name === row.owner;
        })
      );
    })[0];
    return partition.owner === content.sidecar || !reported ? partition : reported;
  });
}

/* The status of the whole group, of what one sidecar reports of itself and the others have reported. */
function statusOfGroup(content, others) {
  if (others.length === 0) {
    return content;
  }
  var status = {};
  Object.keys(content).forEach(function (name) {
    status[name] = content[name];
  });
  var isRunning = others.some(function (member) {
    return member.state === "running";
  });
  if (isRunning) {
    status.state = "running";
  }
  if (content.leaves === true) {
    delete status.lastError;
    if (!isRunning) {
      status.state = others[0].state;
    }
  }
  var counters = {};
  ["received", "delivered", "ignored", "deadLettered", "inFlight", "repeated"].forEach(function (name) {
    var own = content.leaves === true ? 0 : Number((content.counters || {})[name] || 0);
    counters[name] = own + sumOf(others, name);
  });
  status.counters = counters;
  status.ratePerSecond =
    (content.leaves === true ? 0 : content.ratePerSecond || 0) + sumOf(others, "ratePerSecond");
  if (content.partitions) {
    status.partitions = groupPartitions(content, others);
    status.lag = sumOf(status.partitions, "lag");
  }
  status.since = others
    .map(function (member) {
      return member.since;
    })
    .concat(isSet(content.since) ? [content.since] : [])
    .sort()[0];
  return status;
}

/* What a service gives of the status that one sidecar has answered: that of the whole group. */
function groupStatus(status) {
  var members = groupMembers();
  var others = members.filter(function (member) {
    return member.name !== status.sidecar;
  });
  var whole = statusOfGroup(status, others);
  if (whole.counters.released === undefined) {
    whole.counters.released = status.counters.released;
  }
  whole.sidecars = members;
  return whole;
}
