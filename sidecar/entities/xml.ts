import { XMLBuilder } from 'fast-xml-parser';
import { ConnectorError } from '../errors/connector-error.ts';

/** An element: attributes, and children or text. Attributes that are undefined are left out. */
export interface Element {
  readonly name: string;
  readonly attributes?: Readonly<Record<string, string | undefined>>;
  readonly children?: readonly Element[];
  /** Written as it is, without white space around it. */
  readonly text?: string;
  /** Written as CDATA. */
  readonly cdata?: string;
}

export function element(
  name: string,
  attributes: Readonly<Record<string, string | undefined>> = {},
  children: readonly Element[] = [],
): Element {
  return { name, attributes, children };
}

type Node = Record<string, unknown>;

const ATTRIBUTES = ':@';
const PREFIX = '@_';

/** No XML document has these characters, escaped or not. */
const NO_CHARACTER = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;
/** Stands around the number of a script. No text has it, so no text passes for the place of a script. */
const SCRIPT_MARK = '\uFFFF';

/**
 * The document in pretty-printed form with sorted attributes. Scripts are put in after the builder, because it writes white
 * space between two CDATA sections, which would split a script that holds `]]>`.
 */
export function toXml(root: Element): string {
  const scripts: string[] = [];
  const builder = new XMLBuilder({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: PREFIX,
    format: true,
    indentBy: '  ',
    suppressEmptyNode: true,
    suppressBooleanAttributes: false,
  });
  const text: string = builder.build([
    {
      '?xml': [{ '#text': '' }],
      [ATTRIBUTES]: { [`${PREFIX}version`]: '1.0', [`${PREFIX}encoding`]: 'UTF-8' },
    },
    toNode(root, scripts),
  ]);
  const filled = text
    .trim()
    .replace(/\uFFFF(\d+)\uFFFF/g, (_, index: string) => cdata(scripts[Number(index)] as string));
  return `${filled}\n`;
}

function toNode(item: Element, scripts: string[]): Node {
  const attributes: Record<string, string> = {};
  for (const name of Object.keys(item.attributes ?? {}).sort()) {
    const value = item.attributes?.[name];
    if (value === undefined) continue;
    if (/[\r\n\t]/.test(value))
      throw new ConnectorError(
        'INTERNAL',
        `${item.name} ${name} is ${JSON.stringify(value)}; expected one line, as for every attribute.`,
      );
    attributes[PREFIX + name] = allowed(value);
  }
  const children: Node[] = (item.children ?? []).map((child) => toNode(child, scripts));
  if (item.text !== undefined) children.push({ '#text': allowed(item.text) });
  if (item.cdata !== undefined) {
    const index = scripts.push(allowed(item.cdata)) - 1;
    children.push({ '#text': `${SCRIPT_MARK}${index}${SCRIPT_MARK}` });
  }
  const node: Node = { [item.name]: children };
  if (Object.keys(attributes).length > 0) node[ATTRIBUTES] = attributes;
  return node;
}

function allowed(text: string): string {
  return text.replace(NO_CHARACTER, '\uFFFD');
}

function cdata(text: string): string {
  return `<![CDATA[${text.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`;
}
