/**
 * The filter of a receiver on a partition: `amqp.annotation.x-opt-offset > '123'` and its kin, as the Event Hubs
 * SDKs write it into the selector filter of the link's source.
 */
import type { StartPosition } from '../partition-log.ts';
import { plain } from './link.ts';

const expression =
  /^\s*amqp\.annotation\.(x-opt-offset|x-opt-sequence-number|x-opt-enqueued-time|x-opt-enqueuedtimeutc)\s*(>=|>)\s*'?([^']*)'?\s*$/;

/** The start of the log without a filter. Undefined when the filter cannot be understood. */
export function parseStart(filter: unknown): StartPosition | undefined {
  const text = selectorOf(filter);
  if (text === undefined) return { at: 'start' };
  const match = expression.exec(text);
  if (!match) return undefined;
  const [, name, operator, value = ''] = match;
  const inclusive = operator === '>=';
  if (value === '@latest') return { at: 'latest' };
  if (value === '-1') return { at: 'start' };
  if (!/^-?\d+$/.test(value)) return undefined;
  switch (name) {
    case 'x-opt-offset':
      return { at: 'offset', value: Number(value), inclusive };
    case 'x-opt-sequence-number':
      return { at: 'sequenceNumber', value: Number(value), inclusive };
    default:
      return { at: 'enqueuedTime', valueMs: Number(value), inclusive };
  }
}

function selectorOf(filter: unknown): string | undefined {
  if (filter === null || typeof filter !== 'object') return undefined;
  const entry = (filter as Record<string, unknown>)['apache.org:selector-filter:string'];
  const value = plain(entry);
  return typeof value === 'string' ? value : undefined;
}
