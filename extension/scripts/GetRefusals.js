/* Which services of this Thing the user may not call, so that mashups do not offer them. */
function isRefused(service) {
  try {
    return !mayCall(me, service);
  } catch (ignored) {
    /* Where nobody may ask, the service itself answers. */
    return false;
  }
}

function run() {
  var row = {};
  var needed = ROLES.filter(function (role) {
    role.services.forEach(function (service) {
      row[service] = isRefused(service);
    });
    return role.services.some(function (service) {
      return row[service];
    });
  }).map(function (role) {
    return role.name;
  });
  row.note = needed.length === 0 ? "" : "What is disabled here needs the role " + needed.join(" or ") + ".";
  return toTable([row], RESULT_TYPE);
}

var result = run();
