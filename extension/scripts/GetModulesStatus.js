/* Reads what edgeAgent has reported of the modules and keeps it on the Thing. */
function hubOf() {
  if (!isSet(me.hubThing)) {
    throw new Error("SETTING_MISSING: hubThing of " + me.name + " is not set.");
  }
  var thing = Things[me.hubThing];
  if (!thing) {
    throw new Error(
      "SETTING_INVALID: hubThing of " +
        me.name +
        " names a Thing that does not exist or is not visible: " +
        me.hubThing
    );
  }
  return thing;
}

function run() {
  var deviceId = isSet(me.deviceId) ? String(me.deviceId) : String(me.name);
  var path =
    "/v1/hubs/" +
    encodeURIComponent(me.hubThing) +
    "/devices/" +
    encodeURIComponent(deviceId) +
    "/edge/status";
  var answer;
  try {
    answer = plain(hubOf().CallSidecar({ method: "GET", path: path }));
  } catch (thrown) {
    throw new Error(errorText(thrown));
  }
  var table = toTable(answer.modules, "AzureIoT.ModuleStatus_DS", MODULE_FIELDS);
  me.modulesStatus = table;
  me.modulesStatusTime = new Date();
  return table;
}

var result = run();
