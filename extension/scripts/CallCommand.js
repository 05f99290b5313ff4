/* Calls a command of a device whose answer is one value, or nothing. */
var answered = modelAnswer();
var result = answered === undefined ? {} : { result: answered };
