/* What the sidecars of this Thing have counted on one day, as one. members: sidecar and quota of each. */
function quotaOfGroup(members) {
  var whole = { day: members[0].quota.day, used: 0, forecast: 0, sources: [], devices: [] };
  var sources = {};
  var devices = {};
  members.forEach(function (member) {
    var quota = member.quota;
    whole.used += quota.used;
    whole.forecast += quota.forecast;
    if (isSet(quota.limit)) {
      whole.limit = quota.limit;
    }
    if (!isSet(whole.since) || quota.since < whole.since) {
      whole.since = quota.since;
    }
    quota.sources.forEach(function (row) {
      sources[row.source] = (sources[row.source] || 0) + row.messages;
    });
    quota.devices.forEach(function (row) {
      var key = "$" + row.device;
      var sum = devices[key] || { device: row.device, messages: 0, excess: 0, recent: 0, floods: false };
      sum.messages += row.messages;
      sum.excess += row.excess;
      sum.recent += row.recent;
      sum.floods = sum.floods || row.floods;
      devices[key] = sum;
    });
  });
  function shareOf(messages) {
    return whole.used === 0 ? 0 : Math.round((messages / whole.used) * 1000) / 10;
  }
  whole.percent = whole.limit ? Math.round((whole.used / whole.limit) * 1000) / 10 : 0;
  QUOTA_ORDER.forEach(function (source) {
    if (isSet(sources[source])) {
      whole.sources.push({ source: source, messages: sources[source], share: shareOf(sources[source]) });
    }
  });
  whole.devices = Object.keys(devices)
    .map(function (key) {
      devices[key].share = shareOf(devices[key].messages);
      return devices[key];
    })
    .sort(function (one, other) {
      return other.messages - one.messages;
    })
    .slice(0, 10);
  return whole;
}

/* What each sidecar has reported on a day. */
function reportedQuotas(day) {
  var kept = (isSet(me.quotaMembers) && plain(me.quotaMembers).members) || [];
  return kept.filter(function (member) {
    return member.quota.day === day;
  });
}

/* The counts of a sidecar that has ended stay until the day is over. */
function noteQuota(report) {
  var members = reportedQuotas(report.quota.day)
    .filter(function (member) {
      return member.sidecar !== report.sidecar;
    })
    .concat([{ sidecar: report.sidecar, quota: report.quota }]);
  me.quotaMembers = { members: members };
  return quotaOfGroup(members);
}

function warnOfQuota(quota) {
  if (!quota.limit || quota.percent < QUOTA_WARNING_PERCENT || String(me.quotaWarnedDay) === quota.day) {
    return;
  }
  /* Before the event: another sidecar may report its status meanwhile. */
  me.quotaWarnedDay = quota.day;
  var bySize = quota.sources.slice().sort(function (one, other) {
    return other.messages - one.messages;
  });
  me.QuotaWarning({
    day: quota.day,
    used: quota.used,
    limit: quota.limit,
    percent: quota.percent,
    forecast: quota.forecast,
    source: bySize[0].source,
    device: quota.devices.length > 0 ? quota.devices[0].device : "",
    flooding: quota.devices
      .filter(function (row) {
        return row.floods;
      })
      .map(function (row) {
        return row.device;
      })
      .join(", "),
    time: new Date()
  });
}

/* Shows the use of the daily quota, from what one sidecar reports and the others have reported. */
function showQuota(report) {
  if (!report.quota || !isSet(report.sidecar)) {
    return;
  }
  var quota = noteQuota(report);
  me.quotaDay = quota.day;
  me.quotaSince = toDate(quota.since);
  me.quotaUsed = quota.used;
  me.quotaLimit = quota.limit || 0;
  me.quotaPercent = quota.percent;
  me.quotaForecast = quota.forecast;
  me.quotaSources = toTable(quota.sources, QUOTA_SOURCES_TYPE);
  me.quotaDevices = toTable(quota.devices, QUOTA_DEVICES_TYPE);
  warnOfQuota(quota);
}
