import type { ComponentChildren, ComponentProps } from 'preact';
import { useId, useLayoutEffect, useRef } from 'preact/hooks';
import type { Problem } from '../api.ts';
import { useScene } from '../hooks.ts';

type Tone = 'good' | 'warning' | 'bad' | 'plain';

const SIGNS: Readonly<Record<Tone, string>> = { good: '●', warning: '▲', bad: '■', plain: '○' };

/** A word with a sign of its own shape, so that nobody depends on colours. */
export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <span class={`badge ${tone}`}>
      <span aria-hidden="true">{SIGNS[tone]} </span>
      {children}
    </span>
  );
}

export function ProblemNote({ problem }: { problem: Problem | undefined }) {
  if (!problem) return null;
  return (
    <div class="note bad" role="alert">
      <strong>{problem.code}</strong> {problem.message}
      {problem.remedy && <p>{problem.remedy}</p>}
      {problem.requestId && <p class="quiet">Request {problem.requestId}</p>}
    </div>
  );
}

export function Note({ tone = 'plain', children }: { tone?: Tone; children: ComponentChildren }) {
  return (
    <div class={`note ${tone}`} role="status">
      {children}
    </div>
  );
}

/** A button that changes something: a read-only session cannot use it, and its tooltip says why. */
export function ChangeButton({ disabled = false, ...rest }: ComponentProps<'button'>) {
  const { access } = useScene();
  const isReadOnly = access === 'viewer';
  return (
    <button
      type="button"
      {...rest}
      disabled={isReadOnly || disabled}
      {...(isReadOnly ? { title: 'The session is read-only: log in with the sidecar token.' } : {})}
    />
  );
}

interface FieldProps {
  label: string;
  help?: string;
  children: (id: string) => ComponentChildren;
}

function Field({ label, help, children }: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id)}
      {help && <small class="quiet">{help}</small>}
    </div>
  );
}

interface TextFieldProps {
  label: string;
  value: string;
  onInput: (value: string) => void;
  help?: string;
  type?: 'text' | 'password' | 'datetime-local';
  placeholder?: string;
  rows?: number;
  required?: boolean;
}

export function TextField({
  label,
  value,
  onInput,
  help,
  rows,
  type,
  placeholder,
  required,
}: TextFieldProps) {
  return (
    <Field label={label} {...(help ? { help } : {})}>
      {(id) =>
        rows ? (
          <textarea
            id={id}
            rows={rows}
            value={value}
            spellcheck={false}
            required={required ?? false}
            onInput={(event) => onInput(event.currentTarget.value)}
          />
        ) : (
          <input
            id={id}
            type={(type ?? 'text') as 'text'}
            value={value}
            placeholder={placeholder ?? ''}
            spellcheck={false}
            autocomplete="off"
            required={required ?? false}
            onInput={(event) => onInput(event.currentTarget.value)}
          />
        )
      }
    </Field>
  );
}

interface SelectFieldProps {
  label: string;
  value: string;
  options: readonly (readonly [value: string, text: string])[];
  onChange: (value: string) => void;
}

export function SelectField({ label, value, options, onChange }: SelectFieldProps) {
  return (
    <Field label={label}>
      {(id) => (
        <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
          {options.map(([option, text]) => (
            <option key={option} value={option}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface Column<T> {
  readonly name: string;
  readonly cell: (row: T) => ComponentChildren;
  readonly numeric?: boolean;
}

interface TableProps<T> {
  label: string;
  rows: readonly T[];
  columns: readonly Column<T>[];
  keyOf: (row: T) => string;
  empty: string;
}

/** A table; on a narrow screen every row becomes a card that names its cells. */
export function Table<T>({ label, rows, columns, keyOf, empty }: TableProps<T>) {
  if (rows.length === 0) return <p class="quiet">{empty}</p>;
  return (
    <div class="table">
      <table aria-label={label}>
        <thead>
          <tr>
            {columns.map(({ name, numeric }) => (
              <th key={name} scope="col" class={numeric ? 'numeric' : ''}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ name, cell, numeric }) => (
                <td key={name} data-label={name} class={numeric ? 'numeric' : ''}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A modal dialog: the browser keeps the focus in it, and Escape closes it. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const id = useId();
  const ref = useRef<HTMLDialogElement>(null);
  // Before the browser takes the next key: a Tab in between would move the focus elsewhere, and it would return there.
  useLayoutEffect(() => {
    const before = document.activeElement;
    ref.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={ref} aria-labelledby={id} onClose={onClose}>
      <header>
        <h2 id={id}>{title}</h2>
        <button type="button" class="quiet-button" onClick={onClose}>
          Close
        </button>
      </header>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  question: string;
  verb: string;
  running: boolean;
  problem: Problem | undefined;
  onConfirm: () => void;
  onClose: () => void;
}

export function Confirm({ title, question, verb, running, problem, onConfirm, onClose }: ConfirmProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{question}</p>
      <ProblemNote problem={problem} />
      <div class="buttons">
        <button type="button" class="danger" disabled={running} onClick={onConfirm}>
          {verb}
        </button>
        <button type="button" onClick={onClose}>
          Keep
        </button>
      </div>
    </Dialog>
  );
}

export function Facts({ facts }: { facts: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A progress bar; without a total it only shows that something moves. */
export function Progress({
  label,
  done,
  total,
}: {
  label: string;
  done: number;
  total?: number | undefined;
}) {
  return total === undefined ? (
    <progress aria-label={label} />
  ) : (
    <progress aria-label={label} value={total === 0 ? 1 : done} max={total === 0 ? 1 : total} />
  );
}
