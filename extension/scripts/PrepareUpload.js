/* A link to upload one file, in a command that can be pasted into a terminal. */
var result = outcomeOf(function () {
  if (!isSet(path) || /\/$/.test(String(path))) {
    throw new Error("REQUEST_INVALID: path must name the file to write, such as /folder/name.txt.");
  }
  var link = firstRow(
    chosenThing(thing, "container").CreateUploadLink({
      path: path,
      overwrite: overwrite === true,
      minutes: 60
    }),
    { url: "STRING" }
  );
  var name = String(path).replace(/^.*\//, "").replace(/'/g, "'\\''");
  return "curl -X PUT -H 'x-ms-blob-type: BlockBlob' --upload-file '" + name + "' '" + link.url + "'";
}, "The link works for 60 minutes. Run the command in the folder of the file.");
