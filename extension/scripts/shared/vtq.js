/* A row for writeTimedValues. */
function timedValue(name, baseType, value, time) {
  return { name: name, time: time, value: { value: value, baseType: baseType }, quality: "GOOD" };
}

/* Writes values with their times; rows: [{name, time (ms), value: {value, baseType}, quality}]. */
function writeTimedValues(thing, rows) {
  function field(name, baseType, ordinal, aspects) {
    return { name: name, description: "", baseType: baseType, ordinal: ordinal, aspects: aspects };
  }
  thing.UpdatePropertyValues({
    values: Resources["InfoTableFunctions"].FromJSON({
      json: {
        dataShape: {
          fieldDefinitions: {
            name: field("name", "STRING", 1, { isPrimaryKey: true }),
            time: field("time", "DATETIME", 2, {}),
            value: field("value", "VARIANT", 3, {}),
            quality: field("quality", "STRING", 4, {})
          }
        },
        rows: rows
      }
    })
  });
}
