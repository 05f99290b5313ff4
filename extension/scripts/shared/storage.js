function connectStorageOnce(address, endMs) {
  var secrets = secretsOf(["storageConnectionString"]);
  var content = { secret: secrets.names.length > 0, withheld: secrets.withheld };
  if (isSet(me.blobEndpoint)) {
    content.blobEndpoint = String(me.blobEndpoint);
  }
  var answer = plain(
    askWithToken({ operation: "ConnectStorage", input: content, address: address, endMs: endMs })
  );
  return handOverAll(answer.tickets, address, endMs);
}

/* Brings the settings of this storage Thing to the sidecar. Of several calls at the same time each makes the tickets of those before
   it void: the account is connected only when a call comes through. */
function connectStorage(endMs) {
  eachSidecar(endMs, function (address, partMs) {
    for (var attempt = 0; attempt < 5; attempt++) {
      if (connectStorageOnce(address, partMs)) {
        break;
      }
    }
  });
  me.lastError = "";
}
