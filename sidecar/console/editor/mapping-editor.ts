import { autocompletion, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete';
import { json, jsonParseLinter } from '@codemirror/lang-json';
import { HighlightStyle, syntaxHighlighting, syntaxTree } from '@codemirror/language';
import { type Diagnostic, linter, lintGutter, setDiagnostics } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { basicSetup } from 'codemirror';
import type { MappingProblem } from '../samples.ts';
import { type JsonSchema, membersAt, type Proposal, type Step, valuesAt } from './schema-walk.ts';

type Node = ReturnType<ReturnType<typeof syntaxTree>['resolveInner']>;

export interface EditorOptions {
  /** A shadow root: there CodeMirror adopts its style sheets, which the content security policy allows. */
  readonly root: ShadowRoot;
  readonly text: string;
  readonly label: string;
  readonly schema: JsonSchema;
  readonly readOnly: boolean;
  readonly onChange: (text: string) => void;
}

/**
 * The editor of mappings: JSON with completion by the schema and marks where something is wrong. Tab leaves it, as it leaves every other field:
 * whoever has no mouse must get out.
 */
export class MappingEditor {
  readonly #view: EditorView;

  constructor({ root, text, label, schema, readOnly, onChange }: EditorOptions) {
    this.#view = new EditorView({
      parent: root,
      root,
      state: EditorState.create({
        doc: text,
        extensions: [
          basicSetup,
          json(),
          linter(jsonParseLinter()),
          lintGutter(),
          autocompletion({ override: [(context) => complete(context, schema)] }),
          syntaxHighlighting(COLOURS),
          THEME,
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': label }),
          EditorState.readOnly.of(readOnly),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
  }

  replace(text: string): void {
    this.#view.dispatch({ changes: { from: 0, to: this.#view.state.doc.length, insert: text } });
  }

  /** Marks problems where their JSON pointers say. */
  mark(problems: readonly MappingProblem[]): void {
    const { state } = this.#view;
    const diagnostics = problems.map(({ pointer, message }): Diagnostic => {
      const node = nodeAt(state, pointer);
      return { from: node?.from ?? 0, to: node?.to ?? 0, severity: 'error', message };
    });
    this.#view.dispatch(setDiagnostics(state, diagnostics));
  }

  destroy(): void {
    this.#view.destroy();
  }
}

const COLOURS = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--code-key)' },
  { tag: tags.string, color: 'var(--code-text)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--code-value)' },
]);

const THEME = EditorView.theme({
  '&': { backgroundColor: 'var(--field)', color: 'var(--text)', fontSize: '14px', maxHeight: '60vh' },
  '&.cm-focused': { outline: '2px solid var(--accent)' },
  '.cm-scroller': { fontFamily: 'ui-monospace, monospace', overflow: 'auto' },
  '.cm-content': { caretColor: 'var(--text)', minHeight: '12em' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'var(--selection)',
  },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--line-active)' },
  '.cm-gutters': { backgroundColor: 'var(--surface)', color: 'var(--text-quiet)', border: 'none' },
  '.cm-tooltip': { backgroundColor: 'var(--surface)', color: 'var(--text)', border: '1px solid var(--line)' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': {
    backgroundColor: 'var(--accent)',
    color: 'var(--on-accent)',
  },
  '.cm-panels': { backgroundColor: 'var(--surface)', color: 'var(--text)' },
});

function complete(context: CompletionContext, schema: JsonSchema): CompletionResult | null {
  const { state, pos } = context;
  const node = syntaxTree(state).resolveInner(pos, -1);
  const word = context.matchBefore(/"?[\w-]*/);
  const from = word?.from ?? pos;
  const inName = node.name === 'PropertyName' || node.name === 'Object' || isNameBeingTyped(node);
  if (!context.explicit && from === pos) return null;
  const path = pathOf(state, node);
  const proposals = inName
    ? membersAt(schema, path, presentKeys(state, enclosing(node, 'Object'))).map(({ label, detail }) => ({
        label: JSON.stringify(label),
        detail,
        apply: `${JSON.stringify(label)}: `,
      }))
    : valuesAt(schema, path).map((proposal) => ({ ...proposal, apply: proposal.label }));
  const end = state.sliceDoc(pos, pos + 1) === '"' ? pos + 1 : pos;
  return proposals.length === 0
    ? null
    : { from, to: end, options: proposals.map(toOption), validFor: /^"?[\w-]*"?$/ };
}

function toOption({ label, detail, apply }: Proposal & { apply: string }) {
  return { label, info: detail, apply, type: 'property' };
}

/** A name whose colon is not typed yet is an error in the tree, inside the object. */
function isNameBeingTyped(node: Node): boolean {
  return node.parent?.name === 'Object' || (node.type.isError && enclosing(node, 'Object') === node.parent);
}

function enclosing(node: Node, name: string): Node | null {
  for (let current: Node | null = node; current; current = current.parent) {
    if (current.name === name) return current;
  }
  return null;
}

/** The way from the whole to the value that holds the node; for a name, to its object. */
function pathOf(state: EditorState, node: Node): Step[] {
  const steps: Step[] = [];
  for (let current: Node | null = node; current?.parent; current = current.parent) {
    const { parent }: { parent: Node } = current as Node & { parent: Node };
    if (parent.name === 'Property' && current.name !== 'PropertyName')
      steps.unshift({ key: keyOf(state, parent) });
    else if (parent.name === 'Array') steps.unshift('item');
    else if (current.name === 'Property' && node === current) steps.unshift({ key: keyOf(state, current) });
  }
  return steps;
}

function keyOf(state: EditorState, property: Node): string {
  const name = property.getChild('PropertyName');
  return name ? textOf(state.sliceDoc(name.from, name.to)) : '';
}

function textOf(quoted: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return quoted;
  }
}

function presentKeys(state: EditorState, object: Node | null): Set<string> {
  return new Set((object?.getChildren('Property') ?? []).map((property) => keyOf(state, property)));
}

/** The node of the value at a JSON pointer, or of the nearest value around it that exists. */
function nodeAt(state: EditorState, pointer: string): Node | undefined {
  let node: Node | null = syntaxTree(state).topNode.firstChild;
  const parts = pointer.split('/').slice(1);
  for (const part of parts) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    const next: Node | null | undefined =
      node?.name === 'Object'
        ? node.getChildren('Property').find((property) => keyOf(state, property) === name)?.lastChild
        : node?.name === 'Array'
          ? elements(node)[Number(name)]
          : undefined;
    if (!next) break;
    node = next;
  }
  return node ?? undefined;
}

function elements(array: Node): Node[] {
  const found: Node[] = [];
  for (let child = array.firstChild; child; child = child.nextSibling) {
    if (child.name !== '[' && child.name !== ']' && child.name !== ',' && !child.type.isError)
      found.push(child);
  }
  return found;
}
