/* Reads what edgeAgent has reported of the modules and keeps it on the Thing. */
function run() {
  var answer;
  try {
    answer = plain(
      hubOf().CallSidecar({ operation: "GetModulesStatus", input: { deviceId: deviceIdOf(me) } })
    );
  } catch (thrown) {
    throw new Error(errorText(thrown));
  }
  var table = toTable(answer.modules, "AzureIoT.ModuleStatus_DS", MODULE_FIELDS);
  me.modulesStatus = table;
  me.modulesStatusTime = new Date();
  return table;
}

var result = run();
