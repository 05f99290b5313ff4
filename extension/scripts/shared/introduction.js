/* sidecarUrl in one form, in which it can be compared: small letters, no port that the scheme implies, no slash at the end. */
function sidecarAddress() {
  var parts =
    /^(https?):\/\/([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?((?:\/[A-Za-z0-9._~-]+)*)\/*$/i.exec(
      String(isSet(me.sidecarUrl) ? me.sidecarUrl : "")
    );
  if (!parts) {
    throw new Error("SETTING_INVALID: sidecarUrl must be an address such as http://127.0.0.1:8780.");
  }
  var scheme = parts[1].toLowerCase();
  var port = String(parts[3] || "");
  var implied = scheme === "https" ? ":443" : ":80";
  return scheme + "://" + parts[2].toLowerCase() + (port === implied ? "" : port) + String(parts[4] || "");
}

/* The address of the sidecar, to which alone the token and secrets go. What listens at another one first gets a request without anything
   in it to introduce itself: only who has the application key of the sidecar can, by calling RegisterSidecar. */
function introducedAddress(endMs) {
  var address = sidecarAddress();
  if (String(me.introducedAddress || "") === address) {
    return address;
  }
  askSidecar({
    url: address,
    method: "POST",
    path: "/v1/introductions",
    content: { thing: String(me.name) },
    timeoutSeconds: secondsLeft(endMs)
  });
  if (String(me.introducedAddress || "") !== address) {
    throw new Error(
      "SIDECAR_NOT_INTRODUCED: What answers at " +
        address +
        " has not registered that address with this Thing, so it gets no token and no secret."
    );
  }
  return address;
}
