const isoTime =
  /^([+-]?\d{4,6})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?:T(?:(\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:[.,](\d+))?)?)?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/;

/**
 * Reads an ISO 8601 time as the platform's parser (Joda's dateTimeParser) does: `T` between date and time, a date alone is
 * midnight in the zone of the process, fractions beyond milliseconds are cut. Undefined if the text is none.
 */
export function parseIsoTime(text: string): Date | undefined {
  const match = isoTime.exec(text);
  if (match === null) {
    return undefined;
  }
  const [, year, month = '1', day = '1', hour = '0', minute = '0', second = '0', fraction = '', zone] = match;
  const fields = [
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  ] as const;
  const ms = Number(`${fraction}000`.slice(0, 3));
  const utc = new Date(0);
  utc.setUTCFullYear(fields[0], fields[1], fields[2]);
  utc.setUTCHours(fields[3], fields[4], fields[5], ms);
  const valid =
    utc.getUTCMonth() === fields[1] &&
    utc.getUTCDate() === fields[2] &&
    utc.getUTCHours() === fields[3] &&
    utc.getUTCMinutes() === fields[4] &&
    utc.getUTCSeconds() === fields[5];
  if (!valid) {
    return undefined;
  }
  if (zone === undefined) {
    const local = new Date(0);
    local.setFullYear(fields[0], fields[1], fields[2]);
    local.setHours(fields[3], fields[4], fields[5], ms);
    return local;
  }
  if (zone === 'Z') {
    return utc;
  }
  const sign = zone.startsWith('-') ? -1 : 1;
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  const offsetMinutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2));
  return new Date(utc.getTime() - sign * offsetMinutes * 60_000);
}
