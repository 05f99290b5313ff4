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
  var table = toTable(answer.modules, RESULT_TYPE);
  me.modulesStatus = table;
  me.modulesStatusTime = new Date();
  return table;
}

var result = run();
