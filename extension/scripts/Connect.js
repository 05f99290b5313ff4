/* Sends the settings of this Thing to the sidecar. */
var result = toTable([connectHub(budgetEnd(25))], RESULT_TYPE);
