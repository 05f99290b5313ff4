/* Called by the sidecar: the addresses at which it listens. Only its application key has the right to this, and to write the mark. */
function run() {
  var address = sidecarAddress();
  var isIntroduced = unboxed(addresses).indexOf(address) >= 0;
  if (isIntroduced && String(me.introducedAddress || "") !== address) {
    me.introducedAddress = address;
  }
  return isIntroduced;
}

var result = run();
