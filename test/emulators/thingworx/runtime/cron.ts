/**
 * Schedules of Scheduler Things: Quartz cron expressions of six or seven fields (seconds, minutes, hours, day of month,
 * month, day of week, year). Names of months and days, lists, ranges, steps, `*`, `?`, `L` as day of month.
 */
export interface CronSchedule {
  /** First time strictly after `after` that matches, in the zone of the process; undefined if there is none in 5 years. */
  next(after: Date): Date | undefined;
}

const months = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const days = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

/** @throws RangeError for an expression that cannot be read */
export function parseCron(expression: string): CronSchedule {
  const fields = expression.trim().split(/\s+/);
  if (fields.length < 6 || fields.length > 7) {
    throw new RangeError(`A schedule has six or seven fields: ${expression}`);
  }
  const [second = '', minute = '', hour = '', dayOfMonth = '', month = '', dayOfWeek = '', year = '*'] =
    fields;
  const seconds = readField(second, 0, 59);
  const minutes = readField(minute, 0, 59);
  const hours = readField(hour, 0, 23);
  const monthSet = readField(named(month, months, 1), 1, 12);
  const weekDays = readField(named(dayOfWeek, days, 1), 1, 7);
  const monthDays = dayOfMonth === 'L' ? undefined : readField(dayOfMonth, 1, 31);
  const years = readField(year, 1970, 2099);

  const dayMatches = (date: Date): boolean => {
    const lastOfMonth = new Date(date.getFullYear(), date.getMonth() + 1, 0).getDate();
    const inMonth = monthDays === undefined ? date.getDate() === lastOfMonth : monthDays.has(date.getDate());
    return (
      years.has(date.getFullYear()) &&
      monthSet.has(date.getMonth() + 1) &&
      inMonth &&
      weekDays.has(date.getDay() + 1)
    );
  };

  return {
    next(after) {
      const time = new Date(after.getTime() + 1_000);
      time.setMilliseconds(0);
      const end = after.getTime() + 5 * 366 * 86_400_000;
      while (time.getTime() < end) {
        if (!dayMatches(time)) {
          time.setDate(time.getDate() + 1);
          time.setHours(0, 0, 0, 0);
        } else if (!hours.has(time.getHours())) {
          time.setHours(time.getHours() + 1, 0, 0, 0);
        } else if (!minutes.has(time.getMinutes())) {
          time.setMinutes(time.getMinutes() + 1, 0, 0);
        } else if (!seconds.has(time.getSeconds())) {
          time.setSeconds(time.getSeconds() + 1, 0);
        } else {
          return time;
        }
      }
      return undefined;
    },
  };
}

function named(field: string, names: readonly string[], first: number): string {
  return field.toUpperCase().replace(/[A-Z]{3}/g, (name) => {
    const index = names.indexOf(name);
    return index < 0 ? name : String(index + first);
  });
}

function readField(field: string, lowest: number, highest: number): ReadonlySet<number> {
  const values = new Set<number>();
  for (const part of field.split(',')) {
    const [range = '', stepText] = part.split('/');
    const step = stepText === undefined ? 1 : Number(stepText);
    let from = lowest;
    let to = highest;
    if (range !== '*' && range !== '?') {
      const [low = '', high] = range.split('-');
      from = Number(low);
      to = high !== undefined ? Number(high) : stepText === undefined ? from : highest;
    }
    const valid =
      Number.isInteger(from) &&
      Number.isInteger(to) &&
      Number.isInteger(step) &&
      step > 0 &&
      from >= lowest &&
      to <= highest;
    if (!valid) {
      throw new RangeError(`${part} is no part of a schedule`);
    }
    for (let value = from; value <= to; value += step) {
      values.add(value);
    }
  }
  return values;
}
