/* One figure of a hub in the last hour, for a chart: such a chart draws every number of its rows, so there is only one. */
function run() {
  try {
    var hub = chosenThing(thing, "hub");
    var samples = tableRows(hub.GetHistory(), { time: "DATETIME", ratePerSecond: "NUMBER", lag: "LONG" });
    var labels = axisTexts(
      samples.map(function (sample) {
        return toDate(sample.time);
      })
    );
    return toTable(
      samples.map(function (sample, index) {
        return { label: labels[index], value: sample[FIGURE] };
      }),
      RESULT_TYPE
    );
  } catch (thrown) {
    throw withRemedy(thrown);
  }
}

var result = run();
