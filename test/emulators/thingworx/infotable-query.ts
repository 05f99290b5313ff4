import { convert } from './base-types.ts';
import { InfoTable, type InfoTableRow } from './infotable.ts';
import { cellOf, compareValues, sortRows } from './script/table-rows.ts';
import { plainText } from './value-forms.ts';
import { type JsonValue, Location, PlatformError, type PlatformValue, type Tag } from './values.ts';

/**
 * The platform's queries on tables: `{filters: {type, fieldName, value, ...}, sorts: [{fieldName, isAscending,
 * isCaseSensitive}]}`. Gives a new table with the matching rows, sorted.
 *
 * Known are the filter types and member names (PTC's help and typings). Not measured: that text is compared without regard
 * to case unless `isCaseSensitive` is set, and that a filter on a field the table does not have is refused.
 *
 * @throws PlatformError for an unknown filter type or field
 */
export function queryTable(table: InfoTable, query: unknown): InfoTable {
  const { filters, sorts } = (query ?? {}) as { filters?: unknown; sorts?: unknown };
  const keep = rowFilter(table, filters);
  const result = new InfoTable(
    table.fields.values(),
    table.rows.filter(keep).map((row) => ({ ...row })),
  );
  // Stable sorting by the last criterion first leaves the first one as the main order.
  for (const sort of listOf(sorts).reverse()) {
    const { fieldName, isAscending, isCaseSensitive } = sort as Record<string, unknown>;
    if (typeof fieldName === 'string') {
      sortRows(result, fieldName, isAscending !== false && isAscending !== 'false', isTrue(isCaseSensitive));
    }
  }
  return result;
}

export type RowFilter = (row: InfoTableRow) => boolean;

/** The test that the `filters` of a query describe; without filters every row passes. */
export function rowFilter(table: InfoTable, filter: unknown): RowFilter {
  if (
    filter === undefined ||
    filter === null ||
    (typeof filter === 'object' && Object.keys(filter).length === 0)
  ) {
    return () => true;
  }
  const given = filter as Record<string, unknown>;
  const type = String(given.type ?? '').toUpperCase();
  if (type === 'AND' || type === 'OR') {
    const parts = listOf(given.filters).map((part) => rowFilter(table, part));
    return type === 'AND'
      ? (row) => parts.every((part) => part(row))
      : (row) => parts.some((part) => part(row));
  }
  const negated = type.startsWith('NOT');
  const positive = fieldFilter(table, negated ? type.slice(3) : type, given);
  return negated ? (row) => !positive(row) : positive;
}

function fieldFilter(table: InfoTable, type: string, given: Record<string, unknown>): RowFilter {
  const name = String(given.fieldName ?? '');
  const definition = table.fields.get(name);
  if (definition === undefined) {
    throw new PlatformError(`Invalid query: there is no field [${name}]`);
  }
  const caseSensitive = isTrue(given.isCaseSensitive);
  const operand = (value: unknown): PlatformValue =>
    convert(value, definition.baseType === 'VARIANT' ? 'VARIANT' : definition.baseType);
  const compare = (row: InfoTableRow, value: PlatformValue) =>
    compareValues(cellOf(row, name), value, caseSensitive);
  const isSet = (row: InfoTableRow) => cellOf(row, name) !== null;
  switch (type) {
    case 'EQ':
    case 'NE': {
      const value = operand(given.value);
      return type === 'EQ' ? (row) => compare(row, value) === 0 : (row) => compare(row, value) !== 0;
    }
    case 'GT':
    case 'GE':
    case 'LT':
    case 'LE': {
      const value = operand(given.value);
      const passes = {
        GT: (n: number) => n > 0,
        GE: (n: number) => n >= 0,
        LT: (n: number) => n < 0,
        LE: (n: number) => n <= 0,
      }[type];
      return (row) => isSet(row) && passes(compare(row, value));
    }
    case 'BETWEEN': {
      const from = operand(given.from);
      const to = operand(given.to);
      return (row) => isSet(row) && compare(row, from) >= 0 && compare(row, to) <= 0;
    }
    case 'IN': {
      const values = listOf(given.values).map(operand);
      return (row) => values.some((value) => compare(row, value) === 0);
    }
    case 'LIKE':
    case 'ILIKE': {
      const pattern = likePattern(String(given.value ?? ''), caseSensitive && type === 'LIKE');
      return (row) => isSet(row) && pattern.test(plainText(cellOf(row, name)));
    }
    case 'MATCHES': {
      const pattern = regularExpression(String(given.expression ?? given.value ?? ''), caseSensitive);
      return (row) => isSet(row) && pattern.test(plainText(cellOf(row, name)));
    }
    case 'MISSINGVALUE':
      return (row) => !isSet(row);
    case 'TAGGED': {
      const tags = convert(given.tags, 'TAGS') as Tag[] | null;
      return (row) => (tags ?? []).every((tag) => hasTag(cellOf(row, name), tag));
    }
    case 'NEAR': {
      const center = convert(given.location, 'LOCATION') as Location;
      const distance = Number(given.distance ?? 0);
      return (row) => {
        const value = cellOf(row, name);
        return (
          value instanceof Location && distanceBetween(value, center, String(given.units ?? 'M')) <= distance
        );
      };
    }
    default:
      throw new PlatformError(`Invalid query: unknown filter type [${String(given.type)}]`);
  }
}

function hasTag(value: PlatformValue, wanted: Tag): boolean {
  return (
    Array.isArray(value) &&
    value.some((tag) => tag.vocabulary === wanted.vocabulary && tag.vocabularyTerm === wanted.vocabularyTerm)
  );
}

/** `*` and `%` stand for any text, `?` and `_` for one character. */
export function likePattern(text: string, caseSensitive: boolean): RegExp {
  const source = text
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replace(/[*%]/g, '.*')
    .replace(/[?_]/g, '.');
  return new RegExp(`^${source}$`, caseSensitive ? 's' : 'is');
}

function regularExpression(text: string, caseSensitive: boolean): RegExp {
  try {
    return new RegExp(`^(?:${text})$`, caseSensitive ? '' : 'i');
  } catch (error) {
    throw new PlatformError(`Invalid query: ${(error as Error).message}`);
  }
}

const earthRadiusKm = 6371;

/** Great-circle distance in miles (M), kilometres (K) or nautical miles (N). */
export function distanceBetween(a: Location, b: Location, units: string): number {
  const rad = Math.PI / 180;
  const dLat = (b.latitude - a.latitude) * rad;
  const dLon = (b.longitude - a.longitude) * rad;
  const h =
    Math.sin(dLat / 2) ** 2 +
    Math.cos(a.latitude * rad) * Math.cos(b.latitude * rad) * Math.sin(dLon / 2) ** 2;
  const km = 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(h)));
  return units === 'K' ? km : units === 'N' ? km / 1.852 : km / 1.609344;
}

/** JSON arrays reach the platform boxed in places. */
function listOf(value: unknown): unknown[] {
  if (Array.isArray(value)) {
    return [...(value as JsonValue[])];
  }
  const boxed = (value as { array?: unknown } | null | undefined)?.array;
  return Array.isArray(boxed) ? [...(boxed as JsonValue[])] : [];
}

function isTrue(value: unknown): boolean {
  return value === true || value === 'true';
}
