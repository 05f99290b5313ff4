import { UsageError } from '../command-line.ts';

/**
 * The section of one version in a changelog of the form of Keep a Changelog, without its heading.
 * @throws UsageError when it is absent, or not dated and `needsDate`
 */
export function releaseNotes(
  changelog: string,
  version: string,
  { needsDate }: { needsDate: boolean },
): string {
  const sections = changelog.split(/^(?=## \[)/m);
  const section = sections.find((text) => text.startsWith(`## [${version}]`));
  if (section === undefined) throw new UsageError(`CHANGELOG.md has no section for ${version}`);
  const [heading = '', ...lines] = section.split('\n');
  if (needsDate && !/ - \d{4}-\d\d-\d\d$/.test(heading))
    throw new UsageError(
      `CHANGELOG.md says "${heading}"; expected "## [${version}] - " and the date of the release`,
    );
  // The links of a changelog stand after its last section.
  const text = lines.filter((line) => !/^\[[^\]]+\]: /.test(line)).join('\n');
  return `# ${version}\n\n${text.trim()}\n`;
}
