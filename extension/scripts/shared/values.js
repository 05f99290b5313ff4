/* True for a value that someone has entered: not absent and not an empty text. */
function isSet(value) {
  if (value === undefined || value === null) {
    return false;
  }
  try {
    return String(value) !== "";
  } catch (ignored) {
    /* JSON with a key such as toString cannot be made text. */
    return true;
  }
}

/* True for a parameter that the caller has given, also as an empty text. An absent one is undefined. It is not known whether each version
   of the platform keeps an empty text apart from an absent one; where it does not, the empty text is refused as absent. */
function isGiven(value) {
  return value !== undefined && value !== null;
}

/* A platform value of type JSON as an ordinary script value: JSON values are Java objects, for which Array.isArray and
   for-in do not work. */
function plain(value) {
  if (value === undefined || value === null) {
    return value;
  }
  return JSON.parse(JSON.stringify(value));
}

/* What a caller gives in a JSON parameter, as plain JSON. Of 1e400 the platform makes Infinity, of which JSON would make null.
   name: of the parameter. */
function given(value, name) {
  if (value === undefined || value === null) {
    return value;
  }
  return JSON.parse(
    JSON.stringify(value, function (key, member) {
      if (typeof member === "number" && !isFinite(member)) {
        throw new Error(
          "REQUEST_INVALID: " +
            (key === "" ? name || "The value" : String(key) + (name ? " in " + name : "")) +
            " is a number beyond the range of a double (1.8e308). Send it as text."
        );
      }
      return member;
    })
  );
}

/* The content that the sidecar hands over in a JSON parameter. */
function contentOf(name, value) {
  var content = plain(value);
  if (content === undefined || content === null || typeof content !== "object") {
    throw new Error("REQUEST_INVALID: " + name + " must be a JSON object.");
  }
  return content;
}

/* Like given; an array, which the platform boxes as {"array": [...]}, comes out as an array. */
function unboxed(value, name) {
  var content = given(value, name);
  if (content !== null && typeof content === "object" && !Array.isArray(content)) {
    var keys = Object.keys(content);
    if (keys.length === 1 && keys[0] === "array" && Array.isArray(content.array)) {
      return content.array;
    }
  }
  return content;
}
