/* A file for people to look at: its text or a link to its picture, and a link to load it. */
var TEXTS = /\.(txt|json|jsonl|csv|log|xml|md|ya?ml|ini|conf)$/i;
var IMAGES = /\.(png|jpe?g|gif|svg|webp)$/i;
var MOST_BYTES = 200000;

function run() {
  try {
    var repository = chosenThing(thing, "container");
    var row = { kind: "none", text: "", link: "", linkText: "" };
    if (isSet(path) && String(fileType) !== "D") {
      var file = firstRow(repository.GetFileInfo({ path: path }), { size: "NUMBER", name: "STRING" });
      if (mayCall(repository, "CreateDownloadLink")) {
        row.link = firstRow(repository.CreateDownloadLink({ path: path, minutes: 60 }), {
          url: "STRING"
        }).url;
        row.linkText = "Download " + file.name;
      }
      if (IMAGES.test(path) && row.link === "") {
        row.text = "A picture is shown by a link, and a link needs the role engineer.";
      } else if (IMAGES.test(path)) {
        row.kind = "image";
        row.image = row.link;
      } else if (!TEXTS.test(path)) {
        row.text = "There is no preview for this kind of file.";
      } else if (file.size > MOST_BYTES) {
        row.text = "The file is too large for a preview: " + file.size + " bytes.";
      } else {
        row.kind = "text";
        row.text = String(repository.LoadText({ path: path }));
      }
    }
    return toTable([row], RESULT_TYPE);
  } catch (thrown) {
    throw withRemedy(thrown);
  }
}

var result = run();
