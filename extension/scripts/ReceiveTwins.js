/* Writes twins that the sidecar has read into the Things of their devices. What a Thing has mirrored of a later version stays: the reading of
   a whole registry takes a while, and changes are mirrored meanwhile. */
function refresh(thing, twin) {
  var before = deviceSnapshot(thing);
  var sections = { desired: "twinDesired", reported: "twinReported", tags: "twinTags" };
  Object.keys(sections).forEach(function (name) {
    if (isSet(twin[name]) && isOlder(twin[name], sectionOf(thing, sections[name]))) {
      delete twin[name];
    }
  });
  writeTwin(thing, twin, before);
  return canonicalText(before) !== canonicalText(deviceSnapshot(thing));
}

function run() {
  var answer = { refreshed: [], failed: [] };
  (contentOf("request", request).twins || []).forEach(function (entry) {
    try {
      var thing = Things[entry.thing];
      if (!thing || String(thing.hubThing) !== String(me.name)) {
        answer.failed.push({
          thing: entry.thing,
          message: "The Thing is gone, or belongs to another hub Thing."
        });
      } else if (refresh(thing, entry.twin)) {
        answer.refreshed.push(entry.thing);
      }
    } catch (thrown) {
      answer.failed.push({ thing: entry.thing, message: String((thrown && thrown.message) || thrown) });
    }
  });
  return answer;
}

var result = run();
