import { InfoTable } from '../infotable.ts';
import { cellJson, plainText } from '../value-forms.ts';
import { type BaseType, isBaseType, type JsonValue, PlatformError, type PlatformValue } from '../values.ts';
import type { Exchange } from './exchange.ts';

/** Sends the result of a service in the form that its base type has over REST. */
export function sendResult(exchange: Exchange, value: PlatformValue, result: { baseType: string }): void {
  const baseType: BaseType = isBaseType(result.baseType) ? result.baseType : 'STRING';
  if (baseType === 'NOTHING') {
    exchange.sendNothing();
    return;
  }
  if (baseType === 'JSON' || baseType === 'QUERY') {
    exchange.sendJson(cellJson(value) ?? {});
    return;
  }
  if (baseType === 'XML') {
    exchange.send(200, 'text/xml; charset=UTF-8', typeof value === 'string' ? value : '');
    return;
  }
  sendTable(exchange, value instanceof InfoTable ? value : wrap(value, baseType));
}

/** A value that is no table comes as the field `result` of one row. */
function wrap(value: PlatformValue, baseType: BaseType): InfoTable {
  const field = { name: 'result', description: 'result', baseType, ordinal: 0, aspects: {} };
  if (baseType === 'INFOTABLE') {
    return new InfoTable();
  }
  return new InfoTable([field], [value === null ? {} : { result: value }]);
}

export function sendTable(exchange: Exchange, table: InfoTable): void {
  switch (exchange.format) {
    case 'json':
      exchange.sendJson(table.toJSON() as JsonValue);
      return;
    case 'xml':
      exchange.send(200, 'text/xml; charset=UTF-8', tableXml(table));
      return;
    case 'csv':
      exchange.send(200, 'text/csv; charset=UTF-8', tableCsv(table));
      return;
    default:
      exchange.send(200, 'text/html; charset=UTF-8', tableHtml(table));
  }
}

export function sendError(exchange: Exchange, error: unknown): void {
  const status = error instanceof PlatformError ? error.status : 500;
  const text = error instanceof Error ? error.message : String(error);
  let html = true;
  try {
    html = exchange.format === 'html';
  } catch {
    html = false;
  }
  if (html) {
    const page = `<html><head><title>Status Report</title></head><body><h1>HTTP Status ${status}</h1><p>${escapeHtml(text)}</p></body></html>`;
    exchange.send(status, 'text/html; charset=UTF-8', page);
  } else {
    exchange.send(status, 'text/plain; charset=UTF-8', text);
  }
}

function columns(table: InfoTable) {
  return [...table.fields.values()].sort((a, b) => a.ordinal - b.ordinal);
}

function cellText(value: PlatformValue | undefined): string {
  return value === undefined || value === null ? '' : plainText(value);
}

function tableCsv(table: InfoTable): string {
  const quote = (text: string) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const fields = columns(table);
  const lines = [fields.map((field) => quote(field.name)).join(',')];
  for (const row of table.rows) {
    lines.push(fields.map((field) => quote(cellText(row[field.name]))).join(','));
  }
  return `${lines.join('\n')}\n`;
}

function tableXml(table: InfoTable): string {
  const fields = columns(table);
  const definitions = fields.map(
    (field) =>
      `<FieldDefinition baseType="${field.baseType}" description="${escapeHtml(field.description)}" name="${escapeHtml(field.name)}" ordinal="${field.ordinal}"/>`,
  );
  const rows = table.rows.map((row) => {
    const cells = fields
      .filter((field) => row[field.name] !== undefined)
      .map(
        (field) =>
          `<${field.name}><![CDATA[${cellText(row[field.name]).replaceAll(']]>', ']]]]><![CDATA[>')}]]></${field.name}>`,
      );
    return `<Row>${cells.join('')}</Row>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?><Infotable><DataShape><FieldDefinitions>${definitions.join('')}</FieldDefinitions></DataShape><Rows>${rows.join('')}</Rows></Infotable>`;
}

function tableHtml(table: InfoTable): string {
  const fields = columns(table);
  const head = fields.map((field) => `<th>${escapeHtml(field.name)}</th>`).join('');
  const rows = table.rows.map(
    (row) =>
      `<tr>${fields.map((field) => `<td>${escapeHtml(cellText(row[field.name]))}</td>`).join('')}</tr>`,
  );
  return `<html><head><title>ThingWorx</title></head><body><table border="1"><tr>${head}</tr>${rows.join('')}</table></body></html>`;
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
