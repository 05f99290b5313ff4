/* An entry of sidecarUrl in one form, in which it can be compared: small letters, no port that the scheme implies, no slash at the end. A * stands for
   letters, digits and hyphens in a name of the host. */
function addressForm(text) {
  var parts =
    /^(https?):\/\/([A-Za-z0-9.*-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?((?:\/[A-Za-z0-9._~-]+)*)\/*$/i.exec(
      text
    );
  if (!parts) {
    throw new Error(
      "SETTING_INVALID: sidecarUrl must be an address such as http://127.0.0.1:8780, or several with blanks between them."
    );
  }
  var scheme = parts[1].toLowerCase();
  var port = String(parts[3] || "");
  var implied = scheme === "https" ? ":443" : ":80";
  return scheme + "://" + parts[2].toLowerCase() + (port === implied ? "" : port) + String(parts[4] || "");
}

/* The entries of sidecarUrl: one address, or those of a group, of which some may be patterns. */
function addressEntries() {
  var words = String(isSet(me.sidecarUrl) ? me.sidecarUrl : "").match(/[^\s,]+/g) || [""];
  return words.map(addressForm);
}

function isPattern(entry) {
  return entry.indexOf("*") >= 0;
}

/* Whether this Thing has a group of sidecars. */
function hasGroup(entries) {
  return entries.length > 1 || isPattern(entries[0]);
}

/* Each part between two * is taken where it comes first: a * stands for few characters, so a later place is never the only one that fits. */
function matchesEntry(address, entry) {
  var parts = entry.split("*");
  var last = parts.length - 1;
  var end = 0;
  var isEach = parts.every(function (part, index) {
    var begin = index === 0 ? 0 : index < last ? address.indexOf(part, end) : address.length - part.length;
    var isFound =
      begin >= end &&
      /^[a-z0-9-]*$/.test(address.substring(end, begin)) &&
      address.substring(begin, begin + part.length) === part;
    end = begin + part.length;
    return isFound;
  });
  return isEach && end === address.length;
}

function matchesAny(address, entries) {
  return entries.some(function (entry) {
    return matchesEntry(address, entry);
  });
}

/* Sidecars behind a load balancer have one address, so # and the name of one follow it where that one is meant. */
function baseOf(address) {
  return address.split("#")[0];
}

/* The table of the sidecars of this Thing; null on a storage Thing, which has none. */
function sidecarTable() {
  try {
    return me.sidecars || null;
  } catch (ignored) {
    return null;
  }
}

/* The rows of sidecars whose lease has not ended, the eldest first. A lease lasts 15 seconds: one with more than 30 left is from before the clock of
   the platform was put back. */
function livingRows(table) {
  var rows = table ? table.rows.toArray() : [];
  var now = new Date().getTime();
  return rows
    .filter(function (row) {
      var left = row.leaseUntil ? row.leaseUntil.getTime() - now : 0;
      return left > 0 && left <= 30000;
    })
    .sort(function (one, other) {
      var younger = one.since.getTime() - other.since.getTime();
      return younger !== 0 ? younger : String(one.name) < String(other.name) ? -1 : 1;
    });
}

/* The sidecars of a hub Thing that has the same sidecarUrl as this storage Thing; null when nobody may see one. */
function sidecarTableOfHub() {
  var found = null;
  try {
    ThingTemplates["AzureIoT.Hub_TT"]
      .GetImplementingThings()
      .rows.toArray()
      .some(function (row) {
        var hub = Things[String(row.name)];
        var isSame = hub && String(hub.sidecarUrl) === String(me.sidecarUrl);
        found = (isSame && hub.sidecars) || null;
        return found !== null;
      });
  } catch (ignored) {
    return null;
  }
  return found;
}

/* The addresses of the sidecars that have a lease, the eldest first. */
function livingAddresses(entries) {
  var addresses = [];
  livingRows(sidecarTable() || sidecarTableOfHub()).forEach(function (row) {
    var address = String(row.address);
    if (matchesAny(baseOf(address), entries) && addresses.indexOf(address) < 0) {
      addresses.push(address);
    }
  });
  return addresses;
}

/* Where to find the sidecars of this Thing. Those of a group that have a lease come first, the eldest before the others, so that calls that
   follow each other reach the same one. A load balancer chooses one itself. */
function sidecarAddresses() {
  var entries = addressEntries();
  if (!hasGroup(entries)) {
    return entries;
  }
  var addresses = livingAddresses(entries);
  entries.forEach(function (entry) {
    if (!isPattern(entry) && addresses.indexOf(entry) < 0) {
      addresses.push(entry);
    }
  });
  if (addresses.length === 0) {
    throw new Error(
      "SIDECAR_UNREACHABLE: No sidecar whose address matches sidecarUrl of " +
        me.name +
        " has registered within the last 15 seconds."
    );
  }
  return addresses;
}

/* Each sidecar of this Thing, also those behind a load balancer: those that have a lease, the eldest first, and then addresses at which none of them is. */
function certainAddresses() {
  var entries = addressEntries();
  var living = livingAddresses(entries);
  var bases = living.map(baseOf);
  var others = hasGroup(entries) && living.length === 0 ? sidecarAddresses() : entries;
  return {
    living: living,
    others: others.filter(function (entry) {
      return !isPattern(entry) && bases.indexOf(entry) < 0;
    })
  };
}

/* Does something at each sidecar of this Thing: the youngest first, which has been waiting for it, and those without a lease last, of which the time may
   run out. One that does not answer holds up the others for five seconds at most. Throws when it worked at none, or when one answers that it does not
   work. */
function eachSidecar(endMs, work) {
  var certain = certainAddresses();
  var addresses = certain.living.reverse().concat(certain.others);
  var failure = "";
  var isDone = false;
  addresses.forEach(function (address) {
    try {
      work(address, addresses.length === 1 ? endMs : Math.min(endMs, budgetEnd(5)));
      isDone = true;
    } catch (thrown) {
      var text = errorText(thrown);
      if (failure === "" || !/^SIDECAR_/.test(text)) {
        failure = text;
      }
    }
  });
  if (failure !== "" && (!isDone || !/^SIDECAR_/.test(failure))) {
    throw new Error(failure);
  }
}

function introducedAddresses() {
  return String(me.introducedAddress || "").match(/\S+/g) || [];
}

/* The token and secrets go only to an address that the sidecar has introduced. What listens at another one first gets a request without anything
   in it to introduce itself: only who has the application key of the sidecar can, by calling RegisterSidecar. */
function requireIntroduced(address, endMs) {
  var base = baseOf(address);
  if (introducedAddresses().indexOf(base) >= 0) {
    return;
  }
  askSidecar({
    url: base,
    method: "POST",
    path: "/v1/introductions",
    content: { thing: String(me.name) },
    timeoutSeconds: secondsLeft(endMs)
  });
  if (introducedAddresses().indexOf(base) < 0) {
    throw new Error(
      "SIDECAR_NOT_INTRODUCED: What answers at " +
        base +
        " has not registered that address with this Thing, so it gets no token and no secret."
    );
  }
}
