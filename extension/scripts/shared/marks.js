/* "03" for partition 3; empty for a partition that has no high-water mark. */
function markedPartition(partition) {
  var number = Number(partition);
  if (!(number >= 0 && number <= 31) || Math.floor(number) !== number) {
    return "";
  }
  return (number < 10 ? "0" : "") + number;
}

/* The sequence number in a high-water mark "<stream>:<sequence number>"; -1 when it is the mark of another stream, or none. */
function markNumber(mark, stream) {
  var text = String(mark || "");
  var colon = text.lastIndexOf(":");
  if (colon < 0 || text.substring(0, colon) !== stream) {
    return -1;
  }
  var number = Number(text.substring(colon + 1));
  return isFinite(number) ? number : -1;
}

/* The property with the high-water mark of a batch; empty for a batch that has none. */
function markOf(content, prefix) {
  var digits = isSet(content.stream) && isSet(content.through) ? markedPartition(content.partition) : "";
  return digits === "" ? "" : prefix + digits;
}

/* Whether a call to this hub Thing that has noted itself may still run: the platform ends scripts after 30 seconds. A note from the future was made before the clock of the platform was put back:
   it counts from now on, otherwise it would stay for as long as the clock was ahead. */
function isUnderWay(hub, call) {
  var parts = String(hub[call] || "").split(" ");
  var longestMs = 40000;
  var now = new Date().getTime();
  var age = now - Number(parts[0]);
  if (age < -longestMs) {
    hub[call] = now + " " + parts[1];
  }
  return parts[0] !== "" && age < longestMs;
}

/* The hub Things of this stream but this one: two hub Things can share the partitions of an IoT Hub. */
function otherHubs(digits, stream) {
  var rows = [];
  try {
    rows = ThingTemplates["AzureIoT.Hub_TT"].GetImplementingThings().rows.toArray();
  } catch (ignored) {
    return [];
  }
  var others = [];
  rows.forEach(function (row) {
    try {
      var hub = Things[String(row.name)];
      var isOfStream =
        String(hub["writer" + digits] || "").indexOf(stream + ":") === 0 ||
        markNumber(hub["partition" + digits], stream) >= 0 ||
        markNumber(hub["events" + digits], stream) >= 0;
      if (String(row.name) !== String(me.name) && isOfStream) {
        others.push(hub);
      }
    } catch (ignored) {
      /* A hub Thing that the user of this sidecar may not read belongs to another sidecar user and another stream. */
    }
  });
  return others;
}

/* Makes the writer of this batch the only one of its partition. Answers with busy while a call of an earlier writer may still run, and with
   taken when another writer opens the partition at the same time: the sidecar asks again. The order counts: each writer is written before
   notes and marks are read, and each call notes itself before it reads the writer. */
function openPartition(content) {
  var answer = { accepted: 0, repeated: 0, refused: [] };
  var digits = markedPartition(content.partition);
  if (digits === "") {
    return answer;
  }
  var stream = String(content.stream);
  var writer = stream + ":" + content.writer;
  me["writer" + digits] = writer;
  var hubs = otherHubs(digits, stream);
  hubs.forEach(function (hub) {
    hub["writer" + digits] = writer;
  });
  hubs.push(me);
  answer.busy = hubs.some(function (hub) {
    return isUnderWay(hub, "call" + digits);
  });
  answer.taken = hubs.some(function (hub) {
    return String(hub["writer" + digits]) !== writer;
  });
  if (!answer.busy && !answer.taken) {
    ["partition", "events"].forEach(function (prefix) {
      var highest = hubs.reduce(function (number, hub) {
        return Math.max(number, markNumber(hub[prefix + digits], stream));
      }, -1);
      if (highest > markNumber(me[prefix + digits], stream)) {
        me[prefix + digits] = stream + ":" + highest;
      }
    });
  }
  return answer;
}

/* The answer of `work`, which applies the batch. Only the writer that has opened the partition last may do that, one call at a time: two calls
   that read the high-water mark before either has raised it would apply a message twice. A batch without a writer is of no lane. */
function applyAsWriter(content, work) {
  if (content.opens === true) {
    return openPartition(content);
  }
  var digits = isSet(content.writer) ? markedPartition(content.partition) : "";
  if (digits === "") {
    return work();
  }
  var writer = String(content.stream) + ":" + content.writer;
  var refusal = { accepted: 0, repeated: 0, refused: [], taken: true };
  var call = "call" + digits;
  if (String(me["writer" + digits]) !== writer) {
    return refusal;
  }
  var note = new Date().getTime() + " " + content.writer;
  me[call] = note;
  try {
    return String(me["writer" + digits]) === writer ? work() : refusal;
  } finally {
    /* After a call that took too long, the note is that of another one. */
    if (String(me[call]) === note) {
      me[call] = "";
    }
  }
}
