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

/* The highest sequence number of this stream that a hub Thing has applied, -1 when none. Sidecars that share the partitions of an IoT Hub
   have a hub Thing each: what one has applied is a repeat for the others. */
function appliedThrough(property, stream) {
  var highest = markNumber(me[property], stream);
  var hubs = [];
  try {
    hubs = ThingTemplates["AzureIoT.Hub_TT"].GetImplementingThings().rows.toArray();
  } catch (ignored) {
    return highest;
  }
  hubs.forEach(function (row) {
    try {
      highest = Math.max(highest, markNumber(Things[String(row.name)][property], stream));
    } catch (ignored) {
      /* A hub Thing that the user of this sidecar may not read belongs to another sidecar user and another stream. */
    }
  });
  return highest;
}
