/* Says what a migration from PTC's connector would make, copy and drop. It reads with the rights of the caller, and changes nothing. */
var SECONDS = 18;
var MOST_ROWS = 500;

function total(steps, kind) {
  return steps.filter(function (step) {
    return step.kind === kind && step.outcome !== "failed";
  }).length;
}

function azureSteps(options) {
  var steps = [];
  function add(kind, names) {
    names.forEach(function (name) {
      steps.push(migrateAzureThing(kind, name, options));
    });
  }
  add("hub", ptcThingNames(PTC.hubTemplate));
  add("storage", ptcThingNames(PTC.storageTemplate));
  add("container", ptcThingNames(PTC.containerTemplate));
  return steps;
}

/* Devices in order, until the time is up: StartMigration with dryRun looks at all of them. */
function deviceSteps(options, steps) {
  var endMs = budgetEnd(SECONDS);
  var templates = {};
  var names = ptcThingNames(PTC.deviceTemplate);
  var answer = { devices: 0, looked: 0 };
  for (var index = 0; index < names.length; index++) {
    if (new Date().getTime() > endMs || answer.looked >= MOST_ROWS) {
      /* To which hub the others belong would take too long to read. */
      answer.devices += names.length - index;
      return answer;
    }
    var hub = ptcHubOf(Things[names[index]]);
    if (hub === "" || hub === options.sourceHub) {
      answer.devices += 1;
      answer.looked += 1;
      steps.push(migrateDevice(names[index], options, templates, steps));
    }
  }
  return answer;
}

function textOfStep(step) {
  return {
    kind: step.kind,
    source: step.source,
    target: step.target,
    outcome: step.outcome,
    copied: step.copied.join("; "),
    dropped: step.dropped.join("; "),
    message: step.message
  };
}

function run() {
  var options = migrationOptions({
    sourceHub: sourceHub,
    thingName: thingName,
    templateName: templateName,
    template: template,
    dryRun: true
  });
  var steps = azureSteps(options);
  var count = deviceSteps(options, steps);
  var problems = steps.filter(function (step) {
    return step.message !== "";
  });
  var summary =
    "From " +
    options.sourceHub +
    " to " +
    me.name +
    ": " +
    total(steps, "hub") +
    " hubs, " +
    total(steps, "storage") +
    " storage accounts, " +
    total(steps, "container") +
    " containers, " +
    total(steps, "template") +
    " templates, " +
    (count.looked < count.devices ? "up to " : "") +
    count.devices +
    " devices" +
    (count.looked < count.devices
      ? ", of which the first " + count.looked + " are listed (StartMigration with dryRun reports all)"
      : "") +
    ". " +
    (problems.length === 0
      ? "Nothing stands against it."
      : problems.length + " lines have a message: read them first.");
  return toTable(
    [
      {
        summary: summary,
        devices: count.devices,
        listed: count.looked,
        problems: problems.length,
        steps: steps.map(textOfStep)
      }
    ],
    PLAN_TYPE
  );
}

var result = run();
