import { XMLParser, XMLValidator } from 'fast-xml-parser';

interface ParsedNode {
  '#text'?: string;
  [key: string]: unknown;
}

/** An element of an entity document. Comments and processing instructions are gone, CDATA is text, text is trimmed. */
export class XmlElement {
  readonly tag: string;
  private readonly node: ParsedNode;

  constructor(tag: string, node: ParsedNode) {
    this.tag = tag;
    this.node = node;
  }

  get text(): string {
    return (this.node['#text'] ?? '').trim();
  }

  attribute(name: string): string | undefined {
    const value = this.node[`@${name}`];
    return typeof value === 'string' ? value : undefined;
  }

  attributes(): Record<string, string> {
    const found: Record<string, string> = {};
    for (const [key, value] of Object.entries(this.node)) {
      if (key.startsWith('@') && typeof value === 'string') {
        found[key.slice(1)] = value;
      }
    }
    return found;
  }

  /** Child elements with this name, in document order. */
  all(tag: string): XmlElement[] {
    const found = Object.hasOwn(this.node, tag) ? this.node[tag] : undefined;
    return Array.isArray(found) ? found.map((node) => new XmlElement(tag, node as ParsedNode)) : [];
  }

  first(tag: string): XmlElement | undefined {
    return this.all(tag)[0];
  }

  /** Elements at the end of a path of wrapper elements, for example `path('PropertyDefinitions', 'PropertyDefinition')`. */
  path(...tags: string[]): XmlElement[] {
    let level: XmlElement[] = [this];
    for (const tag of tags) {
      level = level.flatMap((element) => element.all(tag));
    }
    return level;
  }

  childTags(): string[] {
    return Object.keys(this.node).filter((key) => !key.startsWith('@') && key !== '#text');
  }
}

/** Thrown for XML that cannot be read. The message is the parser's reason with its line. */
export class XmlProblem extends Error {}

/** Reads a document; answers its root element. */
export function readXml(text: string): XmlElement {
  const checked = XMLValidator.validate(text, { allowBooleanAttributes: false });
  if (checked !== true) {
    throw new XmlProblem(`${checked.err.msg} (line ${checked.err.line})`);
  }
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    parseTagValue: false,
    parseAttributeValue: false,
    alwaysCreateTextNode: true,
    htmlEntities: true,
    ignoreDeclaration: true,
    ignorePiTags: true,
    isArray: (_name, _path, _leaf, isAttribute) => !isAttribute,
  });
  let parsed: Record<string, ParsedNode[]>;
  try {
    parsed = parser.parse(text) as Record<string, ParsedNode[]>;
  } catch (error) {
    throw new XmlProblem(error instanceof Error ? error.message : String(error));
  }
  for (const [tag, nodes] of Object.entries(parsed)) {
    if (Array.isArray(nodes) && nodes[0] !== undefined) {
      return new XmlElement(tag, nodes[0]);
    }
  }
  throw new XmlProblem('The document has no root element');
}
