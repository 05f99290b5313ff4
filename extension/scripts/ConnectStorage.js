/* Sends the settings of this Thing to the sidecar; the secret follows by the ticket that it answers. */
function connectOnce() {
  var content = { secret: isSet(me.storageConnectionString) };
  if (isSet(me.blobEndpoint)) {
    content.blobEndpoint = String(me.blobEndpoint);
  }
  var answer = plain(
    me.CallSidecar({
      method: "PUT",
      path: "/v1/storage/" + encodeURIComponent(me.name),
      content: content
    })
  );
  return answer.tickets.every(handOver);
}

function run() {
  try {
    /* Whoever changes several settings starts several calls, and each makes the tickets of those before it void: the account is
       connected only when a call comes through. */
    for (var attempt = 0; attempt < 5; attempt++) {
      if (connectOnce()) {
        break;
      }
    }
    me.lastError = "";
  } catch (thrown) {
    var text = errorText(thrown);
    me.lastError = text;
    throw new Error(text);
  }
}

run();
