/* Called by the sidecar: the addresses at which it listens. Only its application key has the right to this, and to write the mark. */
function run() {
  var listed = unboxed(addresses, "addresses");
  if (!Array.isArray(listed)) {
    throw new Error("REQUEST_INVALID: addresses must be an array of addresses.");
  }
  var address = sidecarAddress();
  var isIntroduced = listed.indexOf(address) >= 0;
  if (isIntroduced && String(me.introducedAddress || "") !== address) {
    me.introducedAddress = address;
  }
  return isIntroduced;
}

var result = run();
