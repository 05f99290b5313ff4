/* Sends the settings of this Thing to the sidecar. */
var result = connectHub(budgetEnd(25));
