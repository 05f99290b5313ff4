/* Writes the value of a bound property to its node. When the property is set again meanwhile, the newer value is written, too: calls that
   run side by side may reach the node in any order, and the node must end with the last value. */
var MAX_WRITES = 5;

function bindingOf(name) {
  return bindingsOf(me, BINDING_FIELDS).filter(function (row) {
    return row.property === name && row.isWritable === true;
  })[0];
}

function textOf(value, baseType) {
  var plainValue = scriptValue(value, baseType, String(property));
  return typeof plainValue === "string" ? plainValue : JSON.stringify(plainValue);
}

function checkRange(binding, value) {
  if (binding.minimum !== undefined && (Number(value) < binding.minimum || Number(value) > binding.maximum)) {
    throw new Error(
      "REQUEST_INVALID: The value " +
        value +
        " is outside the range of the node; expected " +
        binding.minimum +
        " to " +
        binding.maximum +
        "."
    );
  }
}

function write(binding, value) {
  var publisher = Things[binding.publisher];
  if (!publisher) {
    throw new Error(
      "SETTING_INVALID: The binding names the Thing " +
        binding.publisher +
        " of OPC Publisher, which does not exist or is not visible."
    );
  }
  checkRange(binding, value);
  var request = {
    endpointUrl: binding.endpointUrl,
    nodeId: binding.nodeId,
    value: textOf(value, binding.baseType),
    securityMode: isSet(binding.securityMode) ? binding.securityMode : "Best"
  };
  if (binding.baseType !== "JSON") {
    request.dataType = binding.dataType;
  }
  if (isSet(publisher.serverUserName)) {
    request.userName = String(publisher.serverUserName);
    request.password = publisher.serverPassword;
  }
  publisher.WriteValue(request);
}

function setTime(name) {
  var time = me.GetPropertyTime({ propertyName: name });
  return isSet(time) ? time.getTime() : 0;
}

function run() {
  var name = String(property);
  var binding = bindingOf(name);
  if (!binding) {
    return;
  }
  try {
    for (var count = 0; count < MAX_WRITES; count++) {
      var time = setTime(name);
      var value = me[name];
      if (!isSet(value)) {
        return;
      }
      write(binding, value);
      if (setTime(name) === time) {
        return;
      }
    }
  } catch (thrown) {
    var text = errorText(thrown);
    me.NodeWriteFailed({
      property: name,
      nodeId: binding.nodeId,
      code: errorCode(text) || "INTERNAL",
      message: text,
      time: new Date()
    });
  }
}

run();
