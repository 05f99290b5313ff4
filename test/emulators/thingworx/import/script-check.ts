import { checkScript } from '../language.ts';
import type { LanguageRules } from '../script/language-levels.ts';
import type { DefinitionContext, ScriptVerdict } from '../xml/definitions.ts';

/** Says what the platform's engine makes of a script. */
export type ScriptCheck = DefinitionContext['checkScript'];

/** The check by the rules of Rhino 1.7.11, as the switches are at the time of an import. */
export function scriptJudge(rules: Readonly<LanguageRules>): ScriptCheck {
  return (source, name) => judgeScript(source, name, rules);
}

function judgeScript(source: string, name: string, rules: LanguageRules): ScriptVerdict {
  const findings = checkScript(source, rules);
  const fatal = findings.find(({ kind }) => kind === 'rejected' || kind === 'unsupported');
  const misread = findings
    .filter(({ kind }) => kind === 'misread' || kind === 'missing')
    .map(({ line, feature, message }) => `line ${line}: ${feature}: ${message}`);
  return fatal === undefined ? { misread } : { problem: `${fatal.message} (${name}#${fatal.line})`, misread };
}
