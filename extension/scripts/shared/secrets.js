/* Where the sidecar finds secrets, by the name of the setting: "env:NAME" or "file:/path". A secret itself must not be there. */
function secretReferences() {
  var references = isSet(me.secretReferences) ? plain(me.secretReferences) : {};
  Object.keys(references).forEach(function (name) {
    if (!/^(env|file):./.test(String(references[name]))) {
      throw new Error(
        "SETTING_INVALID: secretReferences." +
          name +
          " of " +
          me.name +
          " must be env:NAME or file:/path, never the secret itself."
      );
    }
  });
  return references;
}

/* Which of the secrets have a value, as a reference or as a PASSWORD. */
function secretsOf(names) {
  var references = secretReferences();
  return names.filter(function (name) {
    return isSet(references[name]) || isSet(me[name]);
  });
}

/* The secret in the form in which the token reached the sidecar. */
function secretToPass(name) {
  var reference = secretReferences()[name];
  if (isSet(reference)) {
    return String(reference);
  }
  var form = String(me.tokenPassedAs || "");
  if (form === "text") {
    throw new Error(
      "PASSWORD_NOT_PASSED: This ThingWorx does not hand on the PASSWORD " +
        name +
        " in clear: put the secret into an environment variable or a file of the sidecar, and name it in secretReferences, such as " +
        '{"' +
        name +
        '": "env:NAME"}.'
    );
  }
  return form === "decrypted" ? decryptPassword(me[name]) : me[name];
}

/* Hands over the secret that a ticket names. False when the sidecar does not know the ticket any more: a later call has replaced
   this one and hands over the secrets itself. */
function handOver(ticket, endMs) {
  try {
    askSidecar({
      url: introducedAddress(endMs),
      credentials: { username: ticket.ticket, password: secretToPass(ticket.name) },
      method: "PUT",
      path: "/v1/secrets/" + encodeURIComponent(ticket.ticket),
      content: {},
      timeoutSeconds: secondsLeft(endMs)
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
