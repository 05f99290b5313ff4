/* The use of the daily quota as this Thing shows it. It asks nobody: the sidecars write it every few seconds. */
function run() {
  var table = toTable([{}], RESULT_TYPE);
  Object.keys(QUOTA_PROPERTIES).forEach(function (name) {
    var value = me[QUOTA_PROPERTIES[name]];
    if (isSet(value)) {
      table.rows[0][name] = value;
    }
  });
  return table;
}

var result = run();
