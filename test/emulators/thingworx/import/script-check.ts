import { checkScript } from '../language.ts';
import type { LanguageRules } from '../script/language-levels.ts';
import { sharedResult } from '../script/shared-results.ts';
import type { DefinitionContext, ScriptVerdict } from '../xml/definitions.ts';

/** Says what the platform's engine makes of a script. */
export type ScriptCheck = DefinitionContext['checkScript'];

/** What is known of scripts, by rules and source: tests import the same extension again and again, which is most of their time. */
const known = new Map<string, ScriptVerdict>();

/** The check by the rules of Rhino 1.7.11, as the switches are at the time of an import. */
export function scriptJudge(rules: Readonly<LanguageRules>): ScriptCheck {
  return (source, name) => {
    const { languageLevel, returnAtTheEnd } = rules;
    const parts = ['verdict', languageLevel, returnAtTheEnd, name, source];
    const key = JSON.stringify(parts);
    const verdict = known.get(key) ?? sharedResult(parts, () => judgeScript(source, name, rules));
    known.set(key, verdict);
    return verdict;
  };
}

function judgeScript(source: string, name: string, rules: LanguageRules): ScriptVerdict {
  const findings = checkScript(source, rules);
  const fatal = findings.find(({ kind }) => kind === 'rejected' || kind === 'unsupported');
  const misread = findings
    .filter(({ kind }) => kind === 'misread' || kind === 'missing')
    .map(({ line, feature, message }) => `line ${line}: ${feature}: ${message}`);
  return fatal === undefined ? { misread } : { problem: `${fatal.message} (${name}#${fatal.line})`, misread };
}
