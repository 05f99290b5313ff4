/* Starts a campaign: the container Thing says where the file of the package lies, the sidecar does the rest. */
function run() {
  var input = fileOf(repository, path);
  input.name = requiredText(name, "name");
  input.version = requiredText(version, "version");
  var texts = {
    condition: condition,
    waves: waves,
    nextWave: nextWave,
    belowThreshold: belowThreshold,
    rollBackPath: rollBackPath,
    rollBackVersion: rollBackVersion,
    methodName: methodName,
    moduleId: moduleId
  };
  Object.keys(texts).forEach(function (member) {
    if (isSet(texts[member])) {
      input[member] = String(texts[member]);
    }
  });
  var numbers = { successPercent: successPercent, timeoutMinutes: timeoutMinutes, parallel: parallel };
  Object.keys(numbers).forEach(function (member) {
    if (isSet(numbers[member])) {
      input[member] = Number(numbers[member]);
    }
  });
  if (isSet(deviceIds)) {
    input.deviceIds = scriptValue(deviceIds, "JSON", "deviceIds");
  }
  if (isSet(information)) {
    input.information = given(information, "information");
  }
  try {
    var answer = plain(me.CallSidecar({ operation: "StartCampaign", input: input }));
    return toTable([answer], RESULT_TYPE);
  } catch (thrown) {
    throw new Error(errorText(thrown));
  }
}

var result = run();
