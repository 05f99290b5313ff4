/* Sends the settings of this Thing to the sidecar. */
function run() {
  try {
    return toTable([statusRow(connectHub(budgetEnd(25)))], RESULT_TYPE);
  } catch (thrown) {
    var text = errorText(thrown);
    showConnectFailure(text);
    throw new Error(text);
  }
}

var result = run();
