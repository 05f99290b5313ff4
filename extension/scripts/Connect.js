/* Sends the settings of this Thing to the sidecar. */
var result = toTable([statusRow(connectHub(budgetEnd(25)))], RESULT_TYPE);
