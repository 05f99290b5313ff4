/* Where the sidecar finds secrets, by the name of the setting: "env:NAME" or "file:/path". A secret itself must not be there. */
function secretReferences() {
  return isSet(me.secretReferences) ? plain(me.secretReferences) : {};
}

/* The secret in the form in which the token reached the sidecar. */
function secretToPass(name) {
  var reference = secretReferences()[name];
  if (isSet(reference)) {
    if (!/^(env|file):./.test(String(reference))) {
      throw new Error(
        "SETTING_INVALID: secretReferences." +
          name +
          " of " +
          me.name +
          " must be env:NAME or file:/path, never the secret itself."
      );
    }
    return String(reference);
  }
  return passwordToPass(
    name,
    me[name],
    " in clear: put the secret into an environment variable or a file of the sidecar, and name it in secretReferences, such as " +
      '{"' +
      name +
      '": "env:NAME"}.'
  );
}

/* A PASSWORD in the form in which the token reached the sidecar. */
function passwordToPass(name, value, remedy) {
  var form = String(me.tokenPassedAs || "");
  if (form === "text") {
    throw new Error("PASSWORD_NOT_PASSED: This ThingWorx does not hand on the PASSWORD " + name + remedy);
  }
  if (form !== "decrypted") {
    return value;
  }
  try {
    return decryptPassword(value);
  } catch (thrown) {
    throw new Error(
      "PASSWORD_NOT_PASSED: EncryptionServices does not decrypt " + name + ": " + errorText(thrown)
    );
  }
}

/* Sends the password of a call, which goes with a ticket of its own: the body would show what a script cannot read in clear. Gives the ticket, and the
   address of the sidecar that has issued it. */
function sendPassword(value, endMs) {
  var password = passwordToPass("secret", value, " in clear, so that a call cannot have one.");
  /* The password goes in a header, whose length is limited. Where this script holds the encrypted text, that may be up to eight times as
     long: the text of 1,024 characters must not be refused. */
  if (String(password).length > (String(me.tokenPassedAs || "") === "decrypted" ? 1024 : 8192)) {
    throw new Error("REQUEST_INVALID: the password is longer than 1,024 characters.");
  }
  var request = { operation: "IssueSecretToken", isCertain: true, endMs: endMs };
  var answer = plain(askWithToken(request));
  askSidecar({
    url: request.address,
    credentials: {
      username: answer.ticket,
      password: password
    },
    method: "PUT",
    path: "/v1/secrets/" + encodeURIComponent(answer.ticket),
    content: {},
    timeoutSeconds: secondsLeft(endMs)
  });
  return { ticket: answer.ticket, address: request.address };
}

/* Which of the secrets have a value: those that can be handed over, and for the others why not. A secret that cannot be handed over
   must not keep the other settings from the sidecar. */
function secretsOf(names) {
  var secrets = { names: [], withheld: [] };
  var references = secretReferences();
  names.forEach(function (name) {
    if (!isSet(references[name]) && !isSet(me[name])) {
      return;
    }
    try {
      secretToPass(name);
      secrets.names.push(name);
    } catch (thrown) {
      var text = errorText(thrown);
      secrets.withheld.push({
        name: name,
        code: errorCode(text),
        message: text.slice(errorCode(text).length + 2).slice(0, 1000)
      });
    }
  });
  return secrets;
}

/* Hands over the secrets that tickets name. False when the sidecar does not know a ticket any more: a later call has replaced this one
   and hands over the secrets itself. A secret that the sidecar refuses does not hold up the others; what is wrong is thrown at the end. */
function handOverAll(tickets, address, endMs) {
  var failure = "";
  var isCurrent = tickets.every(function (ticket) {
    try {
      return handOver(ticket, address, endMs);
    } catch (thrown) {
      failure = errorText(thrown);
      return errorCode(failure) === "SECRET_UNREADABLE";
    }
  });
  if (failure !== "") {
    throw new Error(failure);
  }
  return isCurrent;
}

function handOver(ticket, address, endMs) {
  try {
    askSidecar({
      url: address,
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
