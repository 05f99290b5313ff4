/* The Thing that a mashup has chosen. */
function chosenThing(name, what) {
  if (!isSet(name)) {
    throw new Error("REQUEST_INVALID: No " + what + " is chosen.");
  }
  var thing = Things[String(name)];
  if (!thing) {
    throw new Error("REQUEST_INVALID: There is no Thing " + name + ", or it is not visible.");
  }
  return thing;
}

/* A JSON value that somebody has typed; undefined when nothing was typed. */
function typedJson(name, text) {
  if (!isSet(text)) {
    return undefined;
  }
  try {
    return JSON.parse(String(text));
  } catch (thrown) {
    throw new Error(
      "REQUEST_INVALID: " + name + " is not JSON: " + String((thrown && thrown.message) || thrown)
    );
  }
}

/* The rows that somebody has selected in a grid. Without any, nothing may happen to all of them. */
function selectedRows(table) {
  var rows = isSet(table) ? table.rows.toArray() : [];
  if (rows.length === 0) {
    throw new Error("REQUEST_INVALID: No row is selected.");
  }
  return rows;
}

/* A value as text that people can read and change. */
function readable(value) {
  if (value === undefined || value === null) {
    return "";
  }
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/* The rows of a table for people: of a single row the row itself. fields: name to base type, or for an INFOTABLE to what toTable takes. */
function tableContent(table, fields) {
  var rows = table.rows.toArray().map(function (row) {
    var object = {};
    Object.keys(fields).forEach(function (name) {
      if (isSet(row[name])) {
        object[name] =
          typeof fields[name] === "object"
            ? tableContent(row[name], fields[name].fields)
            : scriptValue(row[name], fields[name], name);
      }
    });
    return object;
  });
  return rows.length === 1 ? rows[0] : rows;
}

/* The first row of a table as an object with the fields that are set. */
function firstRow(table, fields) {
  return tableRows(table, fields)[0] || {};
}

/* What is wrong, with what to do about it. */
function explained(thrown) {
  var text = errorText(thrown).replace(/([^.!?])$/, "$1.");
  var code = errorCode(text);
  var remedy = code === "" ? "" : String(me.ExplainError({ code: code }));
  return { code: code, text: text, remedy: remedy };
}

/* For services that give rows: the same error, which also says what to do. */
function withRemedy(thrown) {
  var error = explained(thrown);
  return new Error(error.text + (error.remedy === "" ? "" : " What to do: " + error.remedy));
}

/* Runs an action. Mashups have no event for a failed service, so what is wrong comes as a row. An action that only reads something has an
   empty text for `done`: what is wrong stands where its result would. */
function outcomeOf(action, done) {
  var row = { ok: true, code: "", message: done, remedy: "", summary: done, result: "" };
  try {
    row.result = readable(action());
  } catch (thrown) {
    var error = explained(thrown);
    row.ok = false;
    row.code = error.code;
    row.message = error.text;
    row.remedy = error.remedy;
    row.summary = error.text + (error.remedy === "" ? "" : " What to do: " + error.remedy);
    row.result = done === "" ? row.summary : "";
  }
  return toTable([row], {
    dataShape: "AzureIoT.Outcome_DS",
    fields: {
      ok: "BOOLEAN",
      code: "STRING",
      message: "STRING",
      remedy: "STRING",
      summary: "STRING",
      result: "STRING"
    }
  });
}

/* The problems of mappings in one text. */
function problemText(problems) {
  return problems
    .map(function (problem) {
      return (isSet(problem.pointer) ? problem.pointer + ": " : "") + problem.message;
    })
    .join(" ");
}

/* Throws unless each row of an answer has the state; says how many have, and what is wrong with the first that has not. */
function checkAll(rows, state, what) {
  var others = rows.filter(function (row) {
    return row.state !== state;
  });
  if (others.length > 0) {
    var first = others[0];
    throw new Error(
      (first.code || "INTERNAL") +
        ": " +
        (rows.length - others.length) +
        " of " +
        rows.length +
        " " +
        what +
        ". " +
        (first.nodeId || first.property) +
        ": " +
        (first.message || first.state)
    );
  }
}
