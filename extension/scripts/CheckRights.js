/* Which services the caller may call. */
/* What cannot be seen, or lets nobody ask, may not be called either. */
function mayCallResource(name, service) {
  try {
    var resource = Resources[name];
    return Boolean(resource) && mayCall(resource, service);
  } catch (ignored) {
    return false;
  }
}

function run() {
  var asked = contentOf("request", request);
  var missing = (asked.services || []).filter(function (service) {
    return !mayCall(me, service);
  });
  (asked.resources || []).forEach(function (resource) {
    resource.services.forEach(function (service) {
      if (!mayCallResource(resource.name, service)) {
        missing.push(resource.name + "." + service);
      }
    });
  });
  return { missing: missing };
}

var result = run();
