import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

/**
 * Compares package-lock.json with the advisories that the npm registry knows. Not every registry (a mirror, say) answers such questions:
 * then nothing was checked, and the last line says so. The exit code is 1 only for an advisory of at least "high" against a package that
 * is in the product.
 */
const ROOT = path.join(import.meta.dirname, '..');

interface Report {
  readonly vulnerabilities?: Readonly<
    Record<string, { severity: string; range: string; via: readonly unknown[] }>
  >;
}

async function audit(): Promise<{ report?: Report; refusal?: string }> {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const args = ['audit', '--package-lock-only', '--omit=dev', '--json'];
  const run = promisify(execFile)(npm, args, { cwd: ROOT, maxBuffer: 50_000_000, timeout: 120_000 });
  // npm ends with 1 both for advisories and for a registry that did not answer; the output tells them apart.
  const { stdout } = await run.catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }));
  let answer: Report & { message?: string; error?: { summary?: string } };
  try {
    answer = JSON.parse(stdout);
  } catch {
    return { refusal: 'npm gave no answer' };
  }
  if (answer.vulnerabilities) return { report: answer };
  // The message names the address of the registry, which belongs in no log of the project: the error code or HTTP status says enough.
  const message = answer.message ?? answer.error?.summary ?? '';
  return { refusal: /\bE[A-Z_]{4,}\b|\b[45]\d\d\b/.exec(message)?.[0] ?? 'no reason given' };
}

const { report, refusal } = await audit();
if (!report) {
  console.log(`NOT CHECKED: no advisory source could be reached (${refusal}).`);
} else {
  const found = Object.entries(report.vulnerabilities ?? {});
  for (const [name, { severity, range }] of found) console.log(`${severity}: ${name} ${range}`);
  const serious = found.filter(([, { severity }]) => severity === 'high' || severity === 'critical');
  console.log(
    `Checked: ${found.length} packages with advisories, ${serious.length} of them high or critical.`,
  );
  if (serious.length > 0) process.exitCode = 1;
}
