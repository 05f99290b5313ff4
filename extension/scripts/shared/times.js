function twoDigits(number) {
  return (number < 10 ? "0" : "") + number;
}

/* 14:03:59 in the time zone of the server. */
function clockText(date) {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(":");
}

/* 2026-01-31 14:03:59 in the time zone of the server. */
function dateText(date) {
  return (
    date.getFullYear() +
    "-" +
    twoDigits(date.getMonth() + 1) +
    "-" +
    twoDigits(date.getDate()) +
    " " +
    clockText(date)
  );
}

/* Short texts for the axis of a chart, each once, as the chart needs them: with the day when the times are of several days, with
   milliseconds where the text would stand there twice. */
function axisTexts(dates) {
  var isOneDay = dates.every(function (date) {
    return dateText(date).slice(0, 10) === dateText(dates[0]).slice(0, 10);
  });
  var used = {};
  return dates.map(function (date) {
    var text = isOneDay ? clockText(date) : dateText(date).slice(5);
    if (used[text]) {
      text += "." + ("00" + date.getMilliseconds()).slice(-3);
    }
    while (used[text]) {
      text += "'";
    }
    used[text] = true;
    return text;
  });
}
