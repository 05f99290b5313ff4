import { convert } from '../base-types.ts';
import type { ThingEntity } from '../model/entity.ts';
import type { Platform } from '../platform.ts';
import type { XmlElement } from '../xml/document.ts';
import { readCell } from '../xml/tables.ts';
import { ImportProblem, type ImportReport } from './report.ts';

/** Reads `<ThingProperties>/<name>/{Value,Timestamp,Quality}`: values of persistent properties. */
export function readThingProperties(
  platform: Platform,
  thing: ThingEntity,
  element: XmlElement | undefined,
  report: ImportReport,
): void {
  const entity = `Things/${thing.name}`;
  const { properties } = platform.inheritance.thing(thing);
  for (const name of element?.childTags() ?? []) {
    const written = element?.first(name);
    const value = written?.first('Value');
    const property = properties.get(name)?.property;
    if (property === undefined || written === undefined || value === undefined) {
      report.loss('VALUE_REFUSED', entity, `ThingProperties: there is no property ${name}`);
      continue;
    }
    try {
      const context = { entity, report, checkScript: () => ({ misread: [] }) };
      const read = readCell(value, property.baseType, context, `property ${name}`);
      const time = convert(written.first('Timestamp')?.text ?? '', 'DATETIME');
      platform.properties.restore(thing.name, name, {
        value: platform.properties.convertFor(property, read),
        timeMs: time instanceof Date ? time.getTime() : Date.now(),
        quality: written.first('Quality')?.text || 'GOOD',
      });
    } catch (error) {
      if (!(error instanceof ImportProblem)) {
        throw error;
      }
      report.loss('VALUE_REFUSED', entity, error.message);
    }
  }
}

/** Settings that import without complaint and then do nothing. */
export function propertyProblems(platform: Platform, thing: ThingEntity, report: ImportReport): void {
  const entity = `Things/${thing.name}`;
  const effective = platform.inheritance.thing(thing);
  if (platform.inheritance.valueStream(thing) === '') {
    const logged = [...effective.properties.values()]
      .filter(({ property }) => property.aspects.isLogged === true)
      .map(({ property }) => property.name);
    if (logged.length > 0) {
      report.loss('LOGGED_WITHOUT_STREAM', entity, `Logged without a value stream: ${logged.join(', ')}`);
    }
  }
  if (effective.templates.includes('Timer') || effective.templates.includes('Scheduler')) {
    const user = platform.tables.effective(thing, 'Settings')?.table.rows[0]?.runAsUser;
    if (typeof user !== 'string' || user === '') {
      report.loss('TIMER_WITHOUT_USER', entity, 'runAsUser is empty: subscriptions never run');
    }
  }
}
