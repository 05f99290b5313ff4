/* Called by the sidecar: the addresses at which it listens. Only its application key has the right to this, and to write the mark. */
function run() {
  var listed = unboxed(addresses, "addresses");
  if (!Array.isArray(listed)) {
    throw new Error("REQUEST_INVALID: addresses must be an array of addresses.");
  }
  var entries = addressEntries();
  var own = listed.map(String).filter(function (address) {
    return matchesAny(address, entries);
  });
  if (own.length === 0) {
    return false;
  }
  /* What sidecarUrl does not name any more is no sidecar of this Thing; of a group the last hundred are remembered. */
  var introduced = introducedAddresses().filter(function (address) {
    return matchesAny(address, entries) && own.indexOf(address) < 0;
  });
  var marks = introduced.concat(own).slice(-100).join(" ");
  if (own.some(isUnknown) || introduced.length + own.length !== introducedAddresses().length) {
    me.introducedAddress = marks;
  }
  return true;

  function isUnknown(address) {
    return introducedAddresses().indexOf(address) < 0;
  }
}

var result = run();
