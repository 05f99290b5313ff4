/* The one way from a service to the sidecar. The token goes from its PASSWORD property to the platform's own parameter
   for passwords and never appears in clear in a script. */
function run() {
  if (!isSet(me.sidecarToken)) {
    throw new Error(
      "SETTING_MISSING: sidecarToken of " +
        me.name +
        " is not set: enter the token that the sidecar was started with."
    );
  }
  return askSidecar({
    url: me.sidecarUrl,
    username: "thingworx",
    password: me.sidecarToken,
    method: method,
    path: path,
    content: content,
    timeoutSeconds: isSet(timeoutSeconds) ? Number(timeoutSeconds) : 20
  });
}

var result = run();
