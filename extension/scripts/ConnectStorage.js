/* Sends the settings of this Thing to the sidecar; the secret follows by the ticket that it answers. */
function run() {
  var content = { secret: isSet(me.storageConnectionString) };
  if (isSet(me.blobEndpoint)) {
    content.blobEndpoint = String(me.blobEndpoint);
  }
  try {
    var answer = plain(
      me.CallSidecar({
        method: "PUT",
        path: "/v1/storage/" + encodeURIComponent(me.name),
        content: content
      })
    );
    answer.tickets.every(handOver);
    me.lastError = "";
  } catch (thrown) {
    var text = errorText(thrown);
    me.lastError = text;
    throw new Error(text);
  }
}

run();
