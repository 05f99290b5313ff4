/* The mappings of a hub Thing as text to edit. */
var result = outcomeOf(function () {
  var hub = chosenThing(thing, "hub");
  return isSet(hub.mappings) ? plain(hub.mappings) : {};
}, "The mappings of the hub are loaded.");
