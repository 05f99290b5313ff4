import type { InfoTable } from '../infotable.ts';
import { rowFilter } from '../infotable-query.ts';
import type { NativeService } from '../script-platform.ts';
import type { BaseType } from '../values.ts';
import { type Arguments, nameList, nativeService, requiredText, textArgument } from './service.ts';
import { tableArgument, withRows } from './table-arguments.ts';

/** EQFilter and its kind: services that keep the rows of `t` whose field passes a test (or fails it, `inclusive` false). */
export function infoTableFilters(): NativeService[] {
  const comparing = ['EQ', 'NE', 'GT', 'GE', 'LT', 'LE'].map((type) =>
    nativeService(
      `${type}Filter`,
      { t: 'INFOTABLE', fieldName: 'STRING', value: 'STRING', isCaseSensitive: 'BOOLEAN' },
      'INFOTABLE',
      (args) =>
        filtered(args, { type, value: args.value ?? null, isCaseSensitive: args.isCaseSensitive ?? null }),
    ),
  );
  const inclusive = (
    name: string,
    parameters: Record<string, BaseType>,
    describe: (args: Arguments) => Record<string, unknown>,
  ) =>
    nativeService(
      name,
      { t: 'INFOTABLE', fieldName: 'STRING', inclusive: 'BOOLEAN', ...parameters },
      'INFOTABLE',
      (args) => filtered(args, describe(args)),
    );
  return [
    ...comparing,
    inclusive('LikeFilter', { pattern: 'STRING' }, (args) => ({ type: 'LIKE', value: args.pattern })),
    inclusive('RegexFilter', { pattern: 'STRING' }, (args) => ({
      type: 'MATCHES',
      expression: args.pattern,
    })),
    inclusive('MissingValueFilter', {}, () => ({ type: 'MISSINGVALUE' })),
    inclusive('BetweenFilter', { minValue: 'STRING', maxValue: 'STRING' }, (args) => ({
      type: 'BETWEEN',
      from: args.minValue,
      to: args.maxValue,
    })),
    inclusive('SetFilter', { matchValues: 'STRING' }, (args) => ({
      type: 'IN',
      values: nameList(textArgument(args, 'matchValues')),
    })),
    inclusive('NearFilter', { location: 'LOCATION', units: 'STRING', searchRadius: 'NUMBER' }, (args) => ({
      type: 'NEAR',
      location: args.location,
      units: args.units ?? 'M',
      distance: args.searchRadius ?? 0,
    })),
  ];
}

function filtered(args: Arguments, filter: Record<string, unknown>): InfoTable {
  const table = tableArgument(args, 't');
  const passes = rowFilter(table, { ...filter, fieldName: requiredText(args, 'fieldName') });
  const wanted = args.inclusive !== false;
  return withRows(
    table,
    table.rows.filter((row) => passes(row) === wanted),
  );
}
