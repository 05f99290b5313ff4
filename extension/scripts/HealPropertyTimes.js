/* Gives every property whose value has a time in the future the present time. Such a value came with a wrong clock, or with a time in
   another unit, and would hide every true value until its time has come: ThingWorx takes those into the history alone. */
var NOT_TOUCHED = { twinDesired: true, twinReported: true, twinTags: true };

function timeOf(name) {
  var time = me.GetPropertyTime({ propertyName: name });
  return time === undefined || time === null ? 0 : time.getTime();
}

/* The names of the properties whose time lies ahead. A property that cannot be read is none of them. */
function ahead(now) {
  return me
    .GetPropertyDefinitions()
    .rows.toArray()
    .map(function (row) {
      return String(row.name);
    })
    .filter(function (name) {
      try {
        return NOT_TOUCHED[name] !== true && timeOf(name) > now;
      } catch (ignored) {
        return false;
      }
    });
}

function heal(name, now) {
  /* Set without a time, a value gets the present one, whatever time the value before has. */
  me[name] = me[name];
  if (timeOf(name) > new Date().getTime()) {
    throw new Error(
      "THINGWORX_REJECTED: The property still has the time " + new Date(timeOf(name)).toISOString() + "."
    );
  }
  if (purgeHistory === true) {
    me.PurgePropertyHistory({
      propertyName: name,
      startDate: new Date(now + 60000),
      endDate: new Date(253402300799000),
      immediate: true
    });
  }
}

function run() {
  var now = new Date().getTime();
  var answer = { healed: [], failed: [] };
  ahead(now).forEach(function (name) {
    var entry = { property: name, time: new Date(timeOf(name)).toISOString() };
    try {
      heal(name, now);
      answer.healed.push(entry);
    } catch (thrown) {
      entry.reason = errorText(thrown);
      answer.failed.push(entry);
    }
  });
  return answer;
}

var result = run();
