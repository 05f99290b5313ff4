/* The twin properties of Things; those of a module have the module's id and two colons before their names. */
function section(thing, name) {
  try {
    return sectionOf(thing, name);
  } catch (ignored) {
    return {};
  }
}

function run() {
  var twins = [];
  (contentOf("request", request).twins || []).forEach(function (wanted) {
    var thing;
    try {
      thing = Things[wanted.thing];
    } catch (ignored) {
      /* One Thing that may not be seen must not hold up all others. */
    }
    if (!thing) {
      return;
    }
    twins.push({
      thing: wanted.thing,
      prefix: wanted.prefix,
      desired: section(thing, wanted.prefix + "twinDesired"),
      reported: section(thing, wanted.prefix + "twinReported"),
      tags: section(thing, wanted.prefix + "twinTags")
    });
  });
  return { twins: twins };
}

var result = run();
