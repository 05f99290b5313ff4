/** What a step has to do, as a verb and its object. */
interface Todo {
  readonly what: string;
  /** Nothing was there before, so undo removes it. */
  readonly creates: boolean;
}

export function creation(what: string): Todo {
  return { what, creates: true };
}

export function change(what: string): Todo {
  return { what, creates: false };
}

/** One step of setup. Looking changes nothing. */
export interface SetupStep {
  /** What the record calls it. */
  readonly id: string;
  readonly title: string;
  /** Undefined when all is as it should be. */
  look(): Promise<Todo | undefined>;
  apply(): Promise<void>;
  /** Takes back what `apply` created. Absent: the step changes only what an earlier step created. Nothing there any more is no error. */
  undo?(): Promise<void>;
}
