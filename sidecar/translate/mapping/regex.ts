/** Longer texts are not matched by a JSONata expression's regular expressions. */
const MAX_TEXT_LENGTH = 10_000;

/**
 * Why a regular expression could take time that grows out of bounds with the text, or undefined. Refused is a repeated
 * group that holds another repetition or alternatives: `(a+)+`, `(a|ab)*`. The evaluator's clock cannot stop a match
 * that has begun, so such expressions are refused when the mapping is compiled.
 */
export function regexProblem(source: string): string | undefined {
  const groups: { risky: boolean }[] = [];
  let closed: { risky: boolean } | undefined;
  let inClass = false;
  for (let i = 0; i < source.length; i++) {
    const char = source[i] as string;
    const previous = closed;
    closed = undefined;
    if (char === '\\') i++;
    else if (inClass) inClass = char !== ']';
    else if (char === '[') inClass = true;
    else if (char === '(') groups.push({ risky: false });
    else if (char === ')') {
      closed = groups.pop();
      const around = groups.at(-1);
      if (around !== undefined && closed?.risky === true) around.risky = true;
    } else if (char === '|') markRisky(groups);
    else if (isUnbounded(source, i)) {
      if (previous?.risky === true) {
        return `the regular expression /${source.slice(0, 100)}/ repeats a group that holds a repetition or alternatives`;
      }
      markRisky(groups);
    }
  }
  return undefined;
}

function markRisky(groups: readonly { risky: boolean }[]): void {
  const group = groups.at(-1);
  if (group !== undefined) group.risky = true;
}

/** A quantifier without an end: * + {2,}, or one with an end so high that it might as well have none. */
function isUnbounded(source: string, i: number): boolean {
  if (source[i] === '*' || source[i] === '+') return true;
  const counts = /^\{(\d+)(,(\d*))?\}/.exec(source.slice(i, i + 24));
  if (counts === null) return false;
  return counts[2] !== undefined && (counts[3] === '' || Number(counts[3]) > 10);
}

/** The RegExp that JSONata is given: as the language's, but it does not match texts beyond a length. */
export class BoundedRegExp extends RegExp {
  override exec(text: string): RegExpExecArray | null {
    return text.length > MAX_TEXT_LENGTH ? null : super.exec(text);
  }
}
