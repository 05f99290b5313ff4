/* Makes a download link for a file and hands it to the device: by a direct method, whose answer is the result, or by a message. */
function run() {
  if (!isSet(repository) || !isSet(path)) {
    throw new Error("REQUEST_INVALID: repository and path are required.");
  }
  var container = Things[repository];
  if (!container) {
    throw new Error(
      "REQUEST_INVALID: repository names a Thing that does not exist or is not visible: " + repository
    );
  }
  try {
    var facts = plain(container.GetFileProperties({ path: path }));
    var link = plain(
      container.CreateDownloadLink({ path: path, minutes: isSet(minutes) ? Number(minutes) : 60 })
    );
    var content = {
      url: link.url,
      expiresAt: link.expiresAt,
      path: facts.path,
      name: facts.name,
      size: facts.size,
      etag: facts.etag,
      contentType: facts.contentType
    };
    if (isSet(facts.contentMd5)) {
      content.contentMd5 = facts.contentMd5;
    }
    if (isSet(information)) {
      content.information = unboxed(information);
    }
    if (isSet(methodName)) {
      var request = { methodName: methodName, payload: content };
      if (isSet(moduleId)) {
        request.moduleId = moduleId;
      }
      if (isSet(responseTimeoutSeconds)) {
        request.responseTimeoutSeconds = Number(responseTimeoutSeconds);
      }
      var answer = plain(me.InvokeMethod(request));
      return { expiresAt: link.expiresAt, status: answer.status, payload: answer.payload };
    }
    /* A message that comes after the end of the link would be of no use. */
    var messageId = me.SendMessage({
      bodyJson: content,
      properties: { kind: "file" },
      ack: "full",
      expirySeconds: (isSet(minutes) ? Number(minutes) : 60) * 60
    });
    return { expiresAt: link.expiresAt, messageId: messageId };
  } catch (thrown) {
    throw new Error(errorText(thrown));
  }
}

var result = run();
