import type { InfoTable } from '../infotable.ts';
import { type LogEntry, type LogLevel, type LogName, logLevels } from '../runtime/logs.ts';
import { PlatformError } from '../values.ts';
import {
  bool,
  date,
  native,
  number,
  type PlatformService,
  type ServiceArguments,
  type ServiceContext,
  text,
} from './native.ts';
import { defaultMaxItems } from './queries.ts';

function level(name: string, fallback: LogLevel): number {
  const wanted = name === '' ? fallback : name.toUpperCase();
  const index = (logLevels as readonly string[]).indexOf(wanted);
  if (index < 0) {
    throw new PlatformError(`Invalid log level [${name}]`);
  }
  return index;
}

/** Pattern for a search text: a regular expression, or plain text anywhere in the entry. */
function search(args: ServiceArguments): (content: string) => boolean {
  const expression = text(args, 'searchExpression');
  if (expression === '') {
    return () => true;
  }
  if (bool(args, 'isRegex')) {
    const pattern = new RegExp(expression, 's');
    return (content) => pattern.test(content);
  }
  const lower = expression.toLowerCase();
  return (content) => content.toLowerCase().includes(lower);
}

function query(context: ServiceContext, args: ServiceArguments): InfoTable {
  const from = level(text(args, 'fromLogLevel'), 'TRACE');
  const to = level(text(args, 'toLogLevel'), 'ERROR');
  const startMs = date(args, 'startDate')?.getTime() ?? Number.NEGATIVE_INFINITY;
  const endMs = date(args, 'endDate')?.getTime() ?? Number.POSITIVE_INFINITY;
  const contains = search(args);
  const given = (name: string, value: string) => text(args, name) === '' || text(args, name) === value;
  const wanted = (entry: LogEntry) => {
    const index = logLevels.indexOf(entry.level);
    return (
      index >= from &&
      index <= to &&
      entry.timeMs >= startMs &&
      entry.timeMs <= endMs &&
      given('user', entry.user) &&
      given('origin', entry.origin) &&
      given('instance', entry.instance) &&
      contains(entry.content)
    );
  };
  const entries = context.platform.logs.entries(context.entity.name).filter(wanted);
  if (!bool(args, 'oldestFirst')) {
    entries.reverse();
  }
  return table(context, entries.slice(0, number(args, 'maxItems', defaultMaxItems)));
}

function table(context: ServiceContext, entries: readonly LogEntry[]): InfoTable {
  const result = context.platform.table('LogEntry');
  for (const entry of entries) {
    const { content, origin, instance, user } = entry;
    result.rows.push({
      timestamp: new Date(entry.timeMs),
      level: entry.level,
      content,
      origin,
      instance,
      user,
      session: '',
      thread: '',
      platformId: '',
    });
  }
  return result;
}

/** Services of the log entities. */
export const logServices: PlatformService[] = [
  native(
    'QueryLogEntries',
    'maxItems:NUMBER searchExpression:STRING fromLogLevel:STRING toLogLevel:STRING instance:STRING isRegex:BOOLEAN startDate:DATETIME endDate:DATETIME origin:STRING thread:STRING platformId:STRING ascendingSearch:BOOLEAN oldestFirst:BOOLEAN user:USERNAME sortFieldName:STRING',
    'INFOTABLE:LogEntry',
    (args, context) => query(context, args),
  ),
  native('GetLogEntries', 'maxItems:NUMBER oldestFirst:BOOLEAN', 'INFOTABLE:LogEntry', (args, context) =>
    query(context, args),
  ),
  native(
    'Write',
    'level:STRING! origin:STRING message:STRING!',
    'NOTHING',
    (args, { platform, entity, principal }) => {
      platform.logs.write(entity.name as LogName, {
        level: logLevels[level(text(args, 'level'), 'INFO')] as LogLevel,
        content: text(args, 'message'),
        origin: text(args, 'origin'),
        user: principal,
      });
      return null;
    },
  ),
  native('GetLogLevels', '', 'INFOTABLE:EntityList', (_args, { platform }) => {
    const result = platform.table('EntityList');
    result.rows.push(...logLevels.map((name) => ({ name, description: '' })));
    return result;
  }),
];
