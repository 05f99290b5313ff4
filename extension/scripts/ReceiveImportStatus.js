/* Tells how far an import, export, comparison or refresh of twins came. */
function run() {
  var content = contentOf("status", status);
  if (!isSet(content.task)) {
    return;
  }
  var counts = content.counts || {};
  var sum = function (names) {
    return names.reduce(function (total, name) {
      return total + (Number(counts[name]) || 0);
    }, 0);
  };
  var data = {
    task: content.task,
    kind: content.kind,
    state: content.state,
    done: content.done,
    created: sum(["created", "wouldCreate"]),
    existed: sum(["existed", "linked", "wouldLink", "matched", "refreshed", "unchanged"]),
    failed: sum(["failed"]),
    missing: sum(["withoutThing", "withoutDevice"]),
    different: sum(["different"]),
    code: content.errorCode || "",
    message: content.error || "",
    time: new Date()
  };
  if (isSet(content.total)) {
    data.total = content.total;
  }
  if (isSet(content.forecast)) {
    data.perSecond = Number(content.forecast.perSecond);
    data.expectedEnd = new Date(Number(content.forecast.endsAtMs));
  }
  if (content.state === "running") {
    me.ImportProgress(data);
  } else {
    me.ImportCompleted(data);
    fireAsPtc(function () {
      if (data.kind === "StartImport") {
        me.AzureThingImportStatusEvent(data);
      }
    });
  }
}

run();
