/* What to do about an error. */
var result = REMEDIES[String(code)] || "";
