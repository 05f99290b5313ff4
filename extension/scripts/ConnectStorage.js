/* Sends the settings of this Thing to the sidecar; the secret follows by the ticket that it answers. */
function run() {
  try {
    connectStorage(budgetEnd(25));
  } catch (thrown) {
    var text = withCode(errorText(thrown));
    me.lastError = text;
    throw new Error(text);
  }
}

run();
