/* Runs inside the shell of Rhino, so in its language: ReceiveUpdates with the bodies of a JSON file, on a platform that takes every value at once. */
((file) => {
  var input = JSON.parse(readFile(file, 'UTF-8'));
  var threads = java.lang.management.ManagementFactory.getThreadMXBean();
  /* In nanoseconds of processor time. Until then Java has compiled what runs often. */
  var warmUp = 5e9;
  var measured = 5e9;
  var things = {};
  var values = 0;

  function take(parameters) {
    values += parameters.values.rows.length;
  }

  var batches = input.bodies.map((body) => {
    var batch = JSON.parse(body).batch;
    batch.things.forEach((item) => {
      var thing = things[item.name] || { UpdatePropertyValues: take };
      things[item.name] = thing;
      batch.signatures.forEach((signature) => {
        signature[0].forEach((property) => {
          thing[property] = 1;
        });
      });
    });
    return batch;
  });
  var resources = {
    InfoTableFunctions: {
      FromJSON: (parameters) => parameters.json,
    },
  };
  /* No high-water mark, so that the same batch is applied again and again. */
  batches.forEach((batch) => {
    delete batch.writer;
    delete batch.through;
  });
  var service = new Function(
    'me',
    'batch',
    'Things',
    'Resources',
    [input.script, 'return result;'].join('\n'),
  );

  function microsPerValue(duration) {
    var begin = threads.getCurrentThreadCpuTime();
    var spent = 0;
    values = 0;
    while (spent < duration) {
      batches.forEach(function (batch) {
        service({}, batch, things, resources);
      });
      spent = threads.getCurrentThreadCpuTime() - begin;
    }
    return spent / 1000 / values;
  }

  microsPerValue(warmUp);
  print(
    JSON.stringify({
      version: String(Packages.org.mozilla.javascript.Context.getCurrentContext().getImplementationVersion()),
      microsPerValue: microsPerValue(measured),
    }),
  );
})(arguments[0]);
