/* Hands over the PASSWORD property that a ticket names. False when the sidecar does not know the ticket any more: a later call
   has replaced this one and hands over the secrets itself. */
function handOver(ticket) {
  try {
    askSidecar({
      url: me.sidecarUrl,
      username: ticket.ticket,
      password: me[ticket.name],
      method: "PUT",
      path: "/v1/secrets/" + encodeURIComponent(ticket.ticket),
      content: {},
      timeoutSeconds: 20
    });
    return true;
  } catch (thrown) {
    var text = errorText(thrown);
    if (errorCode(text) === "TICKET_UNKNOWN") {
      return false;
    }
    throw new Error(text);
  }
}
