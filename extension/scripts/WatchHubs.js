/* Has each hub Thing look whether its sidecar still writes the status. One that cannot be looked at must not hold up the others. */
function run() {
  ThingTemplates["AzureIoT.Hub_TT"]
    .GetImplementingThings()
    .rows.toArray()
    .forEach(function (row) {
      var name = String(row.name);
      try {
        var hub = Things[name];
        if (hub && String(hub.IsEnabled()) === "true") {
          hub.WatchSidecar();
        }
      } catch (thrown) {
        logger.warn("The sidecar of {} is not watched: {}", name, errorText(thrown));
      }
    });
}

run();
