/* Calls a command of a device whose answer is an object or an array. */
var answered = modelAnswer();
var result = Resources["InfoTableFunctions"].FromJSON({
  json:
    answered === undefined ? modelTable([], { list: true, fields: plain(resultType).type.fields }) : answered
});
