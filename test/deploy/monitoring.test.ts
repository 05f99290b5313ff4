import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { dashboard } from '../../scripts/deploy/dashboard.ts';

const DEPLOY = path.join(import.meta.dirname, '..', '..', 'scripts', 'deploy');
const read = (name: string) => readFileSync(path.join(DEPLOY, name), 'utf8');
const page = (name: string) => readFileSync(path.join(DEPLOY, '..', '..', 'docs', name), 'utf8');

/** The metrics of docs/metrics.md, which another test compares with what the sidecar serves. */
const METRICS = [...page('metrics.md').matchAll(/^\| `(azure_iot_\w+)` \|/gm)].map(([, name = '']) => name);

/** The metrics of the connector that queries name, without the suffixes of histograms. */
function namedIn(text: string): string[] {
  const names = [...text.matchAll(/azure_iot_\w+/g)].map(([name]) => name.replace(/_bucket$/, ''));
  return [...new Set(names)].toSorted();
}

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

describe('the dashboard', () => {
  const { panels } = dashboard() as { panels: readonly Panel[] };
  const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

  test('has a panel for every metric, and names no other', () => {
    assert.ok(METRICS.length > 15);
    assert.deepEqual(namedIn(queries.join('\n')), METRICS.toSorted());
  });

  test('is the committed file', () => {
    assert.deepEqual(JSON.parse(read('grafana/azure-iot.json')), dashboard());
  });

  test('has panels that do not cover each other', () => {
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const taken = new Set<string>();
    for (const { title, gridPos } of panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, title);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          assert.ok(!taken.has(`${x},${y}`), title);
          taken.add(`${x},${y}`);
        }
      }
    }
  });

  test('has queries that Prometheus can read', promtool(), () => {
    const rules = queries.map((expr, index) => ({
      record: `query:${index}`,
      expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$__range', '1h').replaceAll('$hub', '.*'),
    }));
    check(['rules', '--lint=none'], JSON.stringify({ groups: [{ name: 'queries', rules }] }));
  });
});

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

describe('the alerts', () => {
  const rules = (parse(read('prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
    (group) => group.rules,
  );

  test('name metrics of the sidecar', () => {
    assert.ok(rules.length > 5);
    for (const { alert, expr } of rules)
      for (const name of namedIn(expr)) assert.ok(METRICS.includes(name), `${alert}: ${name}`);
  });

  test('are described in the documentation with their severity, and tested', () => {
    const described = [...page('deploy.md').matchAll(/^\| `(AzureIot\w+)` \| (\w+) \|/gm)].map(
      ([, alert, severity]) => `${alert} ${severity}`,
    );
    assert.deepEqual(
      described.toSorted(),
      rules.map(({ alert, labels }) => `${alert} ${labels.severity}`).toSorted(),
    );
    const tests = read('prometheus/alerts.test.yml');
    for (const { alert } of rules)
      assert.match(tests, new RegExp(`alertname: ${alert}\\n +exp_alerts:\\n`), alert);
  });

  test('fire when they should and stay quiet otherwise', promtool(), () => {
    for (const words of [
      ['check', 'rules', 'alerts.yml'],
      ['test', 'rules', 'alerts.test.yml'],
    ]) {
      const { status, stdout, stderr } = spawnSync('promtool', words, {
        cwd: path.join(DEPLOY, 'prometheus'),
        encoding: 'utf8',
      });
      assert.equal(status, 0, stdout + stderr);
    }
  });

  test('are in a configuration that Prometheus can read', promtool(), () => {
    // The certificate authority is the user's own.
    const config = read('prometheus/prometheus.yml').replace('ca_file: ca.pem', 'insecure_skip_verify: true');
    check(['config', '--syntax-only'], config);
    const { scrape_configs: jobs } = parse(config) as { scrape_configs: { job_name: string }[] };
    for (const { job_name: job } of jobs)
      assert.ok(
        rules.some(({ expr }) => expr.includes(`job="${job}"`)),
        job,
      );
  });
});

/** Has promtool look at a text. */
function check(words: readonly string[], text: string): void {
  const folder = mkdtempSync(path.join(tmpdir(), 'promtool-'));
  const file = path.join(folder, 'checked.yml');
  writeFileSync(file, text);
  const { status, stdout, stderr } = spawnSync('promtool', ['check', ...words, file], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  assert.equal(status, 0, stdout + stderr);
}

function promtool(): { skip: string | false } {
  const { error } = spawnSync('promtool', ['--version']);
  return { skip: error ? 'promtool (Debian package prometheus) is not installed' : false };
}
