/* Reads what edgeAgent has reported of the modules and keeps it on the Thing. */
function run() {
  var answer;
  try {
    answer = plain(hubOf().CallSidecar({ method: "GET", path: deviceRoute("/edge/status") }));
  } catch (thrown) {
    throw new Error(errorText(thrown));
  }
  var table = toTable(answer.modules, RESULT_TYPE);
  me.modulesStatus = table;
  me.modulesStatusTime = new Date();
  return table;
}

var result = run();
