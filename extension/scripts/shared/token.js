/* The forms in which a PASSWORD property can reach the sidecar. "parameter": ThingWorx hands it on to the password parameter of
   ContentLoaderFunctions in clear. Public typings declare that parameter as STRING, so some version may hand on ciphertext or a
   mask instead. "decrypted": EncryptionServices decrypts it first. "text": the token is in sidecarTokenText. The form that worked
   last is the first. */
function tokenForms() {
  var forms = isSet(me.sidecarToken) ? ["parameter", "decrypted"] : [];
  if (isSet(me.sidecarTokenText)) {
    forms.push("text");
  }
  var known = String(me.tokenPassedAs || "");
  return forms.indexOf(known) < 0
    ? forms
    : [known].concat(
        forms.filter(function (form) {
          return form !== known;
        })
      );
}

/* What EncryptionServices makes of a PASSWORD. Public typings of a real server have EncryptPropertyValue and not its counterpart, so
   not every version may have it. Throws when it does not work. */
function decryptPassword(value) {
  return String(Resources["EncryptionServices"].DecryptPropertyValue({ data: String(value) }));
}

/* What shows the token. Where it is in clear it goes with the request at once; some versions of the platform send a password only after
   the sidecar has asked for it. null for what cannot be a token; throws when ThingWorx does not decrypt. */
function credentialsIn(form) {
  if (form === "parameter") {
    return { username: "thingworx", password: me.sidecarToken };
  }
  var token = form === "text" ? String(me.sidecarTokenText) : decryptPassword(me.sidecarToken);
  return /^[\x21-\x7e]+$/.test(token) ? { token: token } : null;
}

/* Not being able to remember costs one more request each time, and nothing else. */
function rememberForm(form) {
  if (String(me.tokenPassedAs || "") === form) {
    return;
  }
  try {
    me.tokenPassedAs = form;
  } catch (thrown) {
    logger.debug("tokenPassedAs of {} cannot be written: {}", me.name, errorText(thrown));
  }
}

/* A refusal of the token, or an answer that may be one: some versions of the platform do not show the status 401. */
function mayBeRefusal(text) {
  var code = errorCode(text);
  return code === "UNAUTHORIZED" || code === "SIDECAR_ANSWER_INVALID";
}

/* What did not answer, or never heard of the request, has not looked at the token. */
function saysNothingOfToken(text) {
  return /^(SIDECAR_|SETTING_)/.test(text);
}

function requireToken() {
  if (!isSet(me.sidecarToken) && !isSet(me.sidecarTokenText)) {
    throw new Error(
      "SETTING_MISSING: sidecarToken of " +
        me.name +
        " is not set: enter the token that the sidecar was started with."
    );
  }
}

/* What another sidecar of the group may do better: this one never heard of the request, or does not serve this Thing yet or any more. */
function isForAnother(text) {
  return /^(SIDECAR_UNREACHABLE|SIDECAR_OTHER|SIDECAR_NOT_INTRODUCED|HUB_NOT_CONNECTED|STOPPING)$/.test(
    errorCode(text)
  );
}

/* Calls an operation of the sidecar with the token. request: operation, input, secretTicket, endMs, and address for a certain sidecar of a group; any
   living one otherwise, whose address is the address of the request then. isCertain: a later call must reach the same one at that address. */
function askWithToken(request) {
  requireToken();
  if (isSet(request.address)) {
    return askInTurn(request, [request.address]);
  }
  if (request.isCertain === true) {
    var certain = certainAddresses();
    return askInTurn(request, certain.living.concat(certain.others));
  }
  var addresses = sidecarAddresses();
  try {
    return askInTurn(request, addresses);
  } catch (thrown) {
    /* The one that a load balancer has chosen may not serve this Thing yet, or be stopping. */
    var others = isForAnother(errorText(thrown)) ? certainAddresses().living.filter(isNew) : [];
    if (others.length === 0) {
      throw thrown;
    }
    return askInTurn(request, others);
  }

  function isNew(address) {
    return addresses.indexOf(address) < 0;
  }
}

function askInTurn(request, addresses) {
  var failure = "";
  for (var i = 0; i < addresses.length; i++) {
    try {
      requireIntroduced(addresses[i], request.endMs);
      var answer = askAt(addresses[i], request);
      request.address = addresses[i];
      return answer;
    } catch (thrown) {
      var text = errorText(thrown);
      failure = failure === "" ? text : failure;
      if (!isForAnother(text)) {
        throw new Error(text);
      }
    }
  }
  throw new Error(failure);
}

/* The token is tried in each form until the sidecar takes it; what was refused was not carried out. */
function askAt(address, request) {
  var forms = tokenForms();
  var tried = [];
  var failure = "";
  for (var i = 0; i < forms.length; i++) {
    var credentials;
    try {
      credentials = credentialsIn(forms[i]);
    } catch (thrown) {
      tried.push("EncryptionServices does not decrypt it (" + errorText(thrown) + ")");
      continue;
    }
    if (credentials === null) {
      tried.push(
        (forms[i] === "text" ? "sidecarTokenText" : "what EncryptionServices decrypts") +
          " is not one word of printable ASCII characters"
      );
      continue;
    }
    try {
      var answer = askSidecar({
        url: address,
        credentials: credentials,
        method: "POST",
        path: "/v1/things/" + pathPart(me.name) + "/" + request.operation,
        content: isSet(request.input) ? request.input : {},
        secretTicket: request.secretTicket,
        timeoutSeconds: secondsLeft(request.endMs)
      });
      rememberForm(forms[i]);
      return answer;
    } catch (thrown) {
      var text = errorText(thrown);
      if (!mayBeRefusal(text)) {
        if (!saysNothingOfToken(text)) {
          rememberForm(forms[i]);
        }
        throw new Error(text);
      }
      tried.push(
        {
          parameter: "it refuses what ThingWorx hands on",
          decrypted: "it refuses what EncryptionServices decrypts",
          text: "it refuses sidecarTokenText"
        }[forms[i]]
      );
      if (failure === "" || errorCode(text) === "UNAUTHORIZED") {
        failure = text;
      }
    }
  }
  if (errorCode(failure) !== "UNAUTHORIZED") {
    throw new Error(failure === "" ? tokenRefusal(tried) : failure);
  }
  throw new Error(tokenRefusal(tried));
}

function tokenRefusal(tried) {
  return (
    "UNAUTHORIZED: The sidecar refused sidecarToken: " +
    tried.join("; ") +
    ". Enter the token that the sidecar was started with. If it is the right one, this ThingWorx does not hand on PASSWORD values in " +
    "clear: call GrantPermissions, so that EncryptionServices may decrypt it, or enter the token in sidecarTokenText."
  );
}
