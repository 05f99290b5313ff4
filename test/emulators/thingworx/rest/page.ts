import { readFileSync } from 'node:fs';
import type { Faults } from '../control/faults.ts';
import type { ThingEntity } from '../model/entity.ts';
import type { Platform } from '../platform.ts';
import type { LogName } from '../runtime/logs.ts';
import { plainText } from '../value-forms.ts';
import { type JsonObject, Password } from '../values.ts';
import type { Exchange } from './exchange.ts';

const mostThings = 200;
const longestText = 200;
const mostMessages = 15;
const logs: readonly LogName[] = ['ApplicationLog', 'ScriptLog', 'ErrorLog'];

/**
 * A page with the Things and their values, live, at addresses that the platform does not have. It needs no login: the emulator listens on
 * the loopback address alone. Faults do not hit it.
 */
export class LivePage {
  private readonly platform: Platform;
  private readonly faults: Faults;
  /** Where the control endpoint listens, once it does. */
  private readonly controlUrl: () => string;
  private readonly html = readFileSync(new URL('./page.html', import.meta.url));

  constructor(platform: Platform, faults: Faults, controlUrl: () => string) {
    this.platform = platform;
    this.faults = faults;
    this.controlUrl = controlUrl;
  }

  /** Answers the page or what it polls; false for any other request. */
  handle(exchange: Exchange): boolean {
    const path = exchange.segments.join('/');
    if (exchange.method === 'GET' && path === '') {
      exchange.send(200, 'text/html; charset=UTF-8', this.html);
      return true;
    }
    if (exchange.method === 'GET' && path === 'live.json') {
      exchange.sendJson(this.data(exchange.query.get('named') ?? ''));
      return true;
    }
    return false;
  }

  /** What the page shows: the Things that are no part of the platform and have the text in their names. */
  private data(named: string): JsonObject {
    const { platform } = this;
    const all = platform.store.all('Things').filter((thing) => !thing.isSystemObject);
    const wanted = named.toLowerCase();
    const matching = all
      .filter(({ name }) => name.toLowerCase().includes(wanted))
      .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
    return {
      version: platform.version,
      nowMs: Date.now(),
      writes: platform.properties.writes,
      total: all.length,
      matching: matching.length,
      things: matching.slice(0, mostThings).map((thing) => this.thing(thing)),
      faults: this.faults
        .list()
        .filter(({ count, applied }) => count === undefined || applied < count)
        .map(describeFault),
      messages: this.messages(),
      links: this.links(),
    };
  }

  private thing(thing: ThingEntity): JsonObject {
    const { platform } = this;
    const properties: JsonObject[] = [];
    for (const { property } of platform.inheritance.thing(thing).properties.values()) {
      if (property.aspects.isBuiltIn === true || property.baseType === 'PASSWORD') {
        continue;
      }
      const { value, timeMs, quality } = platform.properties.readKnown(thing, property);
      const text = value === null || value instanceof Password ? '' : plainText(value);
      properties.push({
        name: property.name,
        baseType: property.baseType,
        value: text.length > longestText ? `${text.slice(0, longestText)}…` : text,
        timeMs,
        quality,
      });
    }
    return {
      name: thing.name,
      template: thing.thingTemplate,
      running: platform.lifecycle.isRunning(thing.name),
      properties,
    };
  }

  /** The newest warnings and errors of all logs, newest first. */
  private messages(): JsonObject[] {
    const found = logs.flatMap((log) =>
      this.platform.logs
        .entries(log)
        .slice(-200)
        .filter(({ level }) => level === 'WARN' || level === 'ERROR')
        .map(({ timeMs, level, content }) => ({ log, timeMs, level, content })),
    );
    return found
      .sort((a, b) => b.timeMs - a.timeMs)
      .slice(0, mostMessages)
      .map((message) => ({ ...message, content: message.content.slice(0, 500) }));
  }

  private links(): [address: string, what: string][] {
    const control = this.controlUrl();
    return [
      ['/Thingworx/Things', 'all Things (REST, asks for the login)'],
      ['/Thingworx/health', 'health, without a login'],
      ['/Thingworx/Metrics', 'metrics for Prometheus'],
      [`${control}/losses`, 'what imports lost without a word'],
      [`${control}/extensions`, 'installed and queued extensions'],
      [`${control}/faults`, 'faults that are switched on'],
      [`${control}/switches`, 'switches for behaviour that is unknown or differs between versions'],
    ];
  }
}

function describeFault({
  action,
  method,
  path,
  status,
  delayMs,
  applied,
}: ReturnType<Faults['list']>[number]) {
  const what = [action, status, delayMs === undefined ? undefined : `${delayMs} ms`].filter(
    (part) => part !== undefined,
  );
  return `${what.join(' ')} for ${method ?? 'any'} request to ${path ?? 'any address'}, applied ${applied} times`;
}
