import assert from 'node:assert/strict';
import { type StdioOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chown, cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import selfsigned from 'selfsigned';
import { parse, parseAllDocuments } from 'yaml';
import { loadSettings } from '../../sidecar/settings.ts';
import { NODE_FLAGS } from '../../sidecar/setup/trial-run.ts';
import { PACKAGE_NAME, VERSION } from '../../sidecar/version.ts';
import { Program } from '../commands/program.ts';
import { eventually } from '../e2e/observe.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
const DEPLOY = path.join(ROOT, 'scripts', 'deploy');
const read = (name: string) => readFile(path.join(DEPLOY, name), 'utf8');
/** The user of the image and of the pods. */
const ACCOUNT = 65_532;

describe('the files for containers', () => {
  let folder = '';

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'containers-'));
    const pem = await selfsigned.generate([{ name: 'commonName', value: 'sidecar' }], { keySize: 2048 });
    for (const [name, text] of Object.entries({
      'thingworx-app-key': '00000000-0000-0000-0000-000000000000',
      'sidecar-token': 'a-token-that-is-long-enough',
      'sidecar.crt': pem.cert,
      'sidecar.key': pem.private,
      'tls.crt': pem.cert,
      'tls.key': pem.private,
    }))
      await writeFile(path.join(folder, name), text);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** The settings that an environment of a container comes to, with its secrets in the test's folder. */
  function settingsOf(environment: Record<string, string>) {
    const local = Object.entries(environment).map(([name, value]) => [
      name,
      name.endsWith('_FILE') ? path.join(folder, path.basename(value)) : value,
    ]);
    return loadSettings(Object.fromEntries(local));
  }

  test('Dockerfile starts the sidecar as the zip has it, with the flags of the documentation', async () => {
    const text = await read('Dockerfile');
    const [entry = '', health = ''] = [/^ENTRYPOINT (\[.*\])$/m, /CMD (\[.*--health.*\])$/m].map(
      (pattern) => pattern.exec(text)?.[1],
    );
    const words = JSON.parse(entry) as string[];
    assert.deepEqual(words.slice(1, -1), [...NODE_FLAGS]);
    assert.equal(words.at(-1), '/sidecar/sidecar.mjs');
    assert.deepEqual(JSON.parse(health), [words[0], words.at(-1), '--health']);
    assert.ok(text.includes(`ui/${PACKAGE_NAME}/sidecar/`));
    assert.ok(text.includes(`COPY ${PACKAGE_NAME}-*.zip`));
    assert.match(text, new RegExp(`^USER ${ACCOUNT}:${ACCOUNT}$`, 'm'));
    const { engines } = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8')) as {
      engines: { node: string };
    };
    const oldest = Number(/\d+/.exec(engines.node)?.[0]);
    for (const [, major] of text.matchAll(/^FROM \S*node(?:js)?[:-]?(\d+)/gm))
      assert.ok(Number(major) >= oldest);
    const { stateDirectory } = settingsOf({
      THINGWORX_URL: 'https://t',
      THINGWORX_APP_KEY: 'k',
      ...Object.fromEntries(
        [...text.matchAll(/(SIDECAR_STATE_DIR)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]),
      ),
    });
    assert.ok(text.includes(`VOLUME ["${stateDirectory}"]`));
  });

  test('compose.yml gives the sidecar settings that it can use, and secrets that it declares', async () => {
    const { services, secrets } = parse(await read('compose.yml')) as {
      services: Record<
        string,
        {
          environment?: Record<string, string>;
          secrets?: string[];
          ports?: string[];
          read_only?: boolean;
          volumes: string[];
        }
      >;
      secrets: Record<string, { file: string }>;
    };
    const { sidecar, prometheus, grafana } = services;
    const environment = Object.fromEntries(
      Object.entries(sidecar?.environment ?? {}).map(([name, value]) => [
        name,
        value.replace(/\$\{(\w+):\?[^}]*\}/g, (_, variable) =>
          variable === 'THINGWORX_URL' ? 'https://t' : 'sidecar.example.com',
        ),
      ]),
    );
    const settings = settingsOf({
      SIDECAR_HOST: '0.0.0.0',
      SIDECAR_STATE_DIR: '/var/lib/azure-iot-sidecar',
      ...environment,
    });
    assert.deepEqual(settings.hostNames, ['sidecar', 'sidecar.example.com']);
    assert.ok(settings.tls);
    assert.deepEqual(sidecar?.ports, [`${settings.port}:${settings.port}`]);
    assert.equal(sidecar?.read_only, true);
    assert.deepEqual(Object.keys(secrets).toSorted(), sidecar?.secrets?.toSorted());
    for (const name of sidecar?.secrets ?? [])
      assert.ok(Object.values(environment).includes(`/run/secrets/${name}`), name);
    const { scrape_configs: jobs } = parse(await read('prometheus/prometheus.yml')) as {
      scrape_configs: { static_configs: { targets: string[] }[] }[];
    };
    assert.deepEqual(jobs[0]?.static_configs[0]?.targets, [`sidecar:${settings.port}`]);
    for (const volume of [...(prometheus?.volumes ?? []), ...(grafana?.volumes ?? [])]) {
      const [source = ''] = volume.split(':');
      if (source.startsWith('./') && !source.startsWith('./secrets/')) await stat(path.join(DEPLOY, source));
    }
  });

  test('the manifests for Kubernetes name each other, the port and the routes rightly', async () => {
    // biome-ignore lint/suspicious/noExplicitAny: manifests of many forms
    const documents = parseAllDocuments(await read('kubernetes/sidecar.yml')).map((one) => one.toJS() as any);
    const of = (kind: string) => documents.find((one) => one.kind === kind);
    const { spec } = of('StatefulSet');
    const pod = spec.template.spec;
    const [container] = pod.containers;
    const values = Object.fromEntries(
      container.env.flatMap(({ name, value }: { name: string; value?: string }) =>
        value === undefined ? [] : [[name, value]],
      ),
    );
    const settings = settingsOf({ ...of('ConfigMap').data, ...values });
    assert.ok(settings.tls);
    assert.equal(container.ports[0].containerPort, settings.port);
    assert.equal(of('Service').spec.ports[0].port, settings.port);
    assert.equal(of('Service').spec.publishNotReadyAddresses, true);
    assert.equal(spec.serviceName, of('Service').metadata.name);
    for (const label of [
      of('Service').spec.selector,
      spec.selector.matchLabels,
      of('PodDisruptionBudget').spec.selector.matchLabels,
      of('NetworkPolicy').spec.podSelector.matchLabels,
    ])
      assert.deepEqual(label, spec.template.metadata.labels);
    assert.equal(of('NetworkPolicy').spec.ingress[0].ports[0].port, settings.port);
    assert.ok(of('NetworkPolicy').spec.egress[1].ports.some(({ port }: { port: number }) => port === 5671));
    const routes = await readFile(path.join(ROOT, 'sidecar', 'observe', 'health.ts'), 'utf8');
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
      assert.ok(routes.includes(`'${container[probe].httpGet.path}'`), probe);
      assert.equal(container[probe].httpGet.scheme, 'HTTPS');
    }
    const mounts = container.volumeMounts as { name: string; mountPath: string }[];
    for (const [name, value] of Object.entries(values))
      if (name.endsWith('_FILE'))
        assert.ok(
          mounts.some(({ mountPath }) => path.dirname(value as string) === mountPath),
          name,
        );
    // The sidecar makes the state directory itself, below the volume.
    const state = mounts.find(({ name }) => name === spec.volumeClaimTemplates[0].metadata.name);
    assert.equal(path.dirname(values['SIDECAR_STATE_DIR']), state?.mountPath);
    const secret = of('Secret');
    assert.deepEqual(Object.keys(secret.stringData).toSorted(), ['sidecar-token', 'thingworx-app-key']);
    assert.deepEqual(
      pod.volumes.map(({ secret: { secretName } }: { secret: { secretName: string } }) => secretName),
      [secret.metadata.name, 'azure-iot-sidecar-tls'],
    );
    assert.equal(pod.securityContext.runAsUser, ACCOUNT);
    assert.equal(pod.securityContext.fsGroupChangePolicy, 'OnRootMismatch');
    assert.equal(container.securityContext.readOnlyRootFilesystem, true);
    assert.ok(container.image.endsWith(`:${VERSION}`));
    const scaled = parse(await read('kubernetes/keda.yml')) as {
      spec: { scaleTargetRef: { kind: string; name: string }; triggers: { metadata: { query: string } }[] };
    };
    assert.deepEqual(scaled.spec.scaleTargetRef, {
      kind: 'StatefulSet',
      name: of('StatefulSet').metadata.name,
    });
    const metrics = await readFile(path.join(ROOT, 'docs', 'metrics.md'), 'utf8');
    const query = scaled.spec.triggers[0]?.metadata.query ?? '';
    assert.ok(metrics.includes(`\`${/azure_iot_\w+/.exec(query)?.[0]}\``));
  });

  /**
   * What the image does, without a container engine: the steps of the Dockerfile make the program and the state directory; a root directory
   * gets these, Node.js and its libraries, and nothing else; the entry point runs in it as the user of the image. That user has no right to write
   * to it; where the machine allows mounts, it is mounted read-only besides.
   */
  const missing = [
    ['unzip', '-v'],
    ['ldd', '--version'],
    ['chroot', '/', 'true'],
  ].find(([name = '', ...words]) => spawnSync(name, words).status !== 0);
  const isRoot = process.getuid?.() === 0;
  const skip = !isRoot
    ? 'the tests do not run as root'
    : missing
      ? `${missing.join(' ')} does not work here`
      : false;
  test('the sidecar runs in the root directory of the image, and --health says so', { skip }, async (t) => {
    const text = await read('Dockerfile');
    const program = new Program();
    await program.start();
    t.after(() => program.stop());
    const built = path.join(folder, 'unpacked');
    const root = path.join(folder, 'root');
    await mkdir(path.join(built, 'tmp'), { recursive: true });
    await cp(program.zip, path.join(built, 'tmp', 'connector.zip'));
    const step = /^RUN (unzip (?:.*\\\n)*.*)$/m.exec(text)?.[1] ?? '';
    const local = step.replaceAll(/(?<=\s)\/(?=tmp|sidecar|state)/g, `${built}/`);
    const steps = spawnSync('sh', ['-c', local], { encoding: 'utf8' });
    assert.equal(steps.status, 0, `${local}\n${steps.stderr}`);
    for (const [, source = '', target = ''] of text.matchAll(/^COPY --from=unpacked .*?(\/\S+) (\/\S+)$/gm))
      await cp(path.join(built, source), path.join(root, target), { recursive: true });
    const stateDirectory = /SIDECAR_STATE_DIR=(\S+)/.exec(text)?.[1] ?? '';
    await chown(path.join(root, stateDirectory), ACCOUNT, ACCOUNT);
    const [node = '', ...words] = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(text)?.[1] ?? '') as string[];
    const libraries = spawnSync('ldd', [process.execPath], { encoding: 'utf8' }).stdout.matchAll(
      /\/\S+(?= \()/g,
    );
    for (const [library] of libraries) await cp(library, path.join(root, library), { dereference: true });
    await cp(process.execPath, path.join(root, node));
    const secrets = path.join(root, 'run', 'secrets');
    await mkdir(secrets, { recursive: true });
    for (const name of ['thingworx-app-key', 'sidecar.crt', 'sidecar.key'])
      await cp(path.join(folder, name), path.join(secrets, name));
    const environment = {
      THINGWORX_URL: 'http://127.0.0.1:9/Thingworx',
      THINGWORX_APP_KEY_FILE: '/run/secrets/thingworx-app-key',
      SIDECAR_STATE_DIR: stateDirectory,
      SIDECAR_HOST: '0.0.0.0',
      SIDECAR_PORT: '0',
      SIDECAR_TLS_CERT_FILE: '/run/secrets/sidecar.crt',
      SIDECAR_TLS_KEY_FILE: '/run/secrets/sidecar.key',
    };
    await mkdir(path.join(root, 'proc'));
    // In a mount namespace of its own, which ends with the process.
    const canMount = spawnSync('unshare', ['--mount', 'true']).status === 0;
    const mounts = [
      'mount --bind "$ROOT" "$ROOT"',
      'mount --bind "$ROOT$SIDECAR_STATE_DIR" "$ROOT$SIDECAR_STATE_DIR"',
      'mount --rbind /proc "$ROOT/proc"',
      'mount -o remount,bind,ro "$ROOT"',
    ];
    const enter = `exec chroot --userspec=${ACCOUNT}:${ACCOUNT} "$ROOT" "$@"`;
    const shell = canMount
      ? ['unshare', '--mount', 'sh', '-c', [...mounts, enter].join(' && '), 'sh']
      : ['sh', '-c', enter, 'sh'];
    const inside = (command: readonly string[], port: number, stdio: StdioOptions) =>
      spawn(shell[0] as string, [...shell.slice(1), ...command], {
        env: { PATH: process.env['PATH'], ROOT: root, ...environment, SIDECAR_PORT: String(port) },
        stdio,
      });
    const sidecar = inside([node, ...words, 'run'], 0, ['ignore', 'pipe', 'inherit']);
    t.after(() => sidecar.kill('SIGKILL'));
    const ended = once(sidecar, 'exit');
    assert.ok(sidecar.stdout);
    let port = 0;
    createInterface({ input: sidecar.stdout }).on('line', (line) => {
      port ||= Number((JSON.parse(line) as { port?: number }).port ?? 0);
    });
    await eventually(async () => assert.ok(port > 0));
    sidecar.stdout.resume();
    const [, check = ''] = /CMD (\[.*--health.*\])$/m.exec(text) ?? [];
    const health = async () => {
      const child = inside(JSON.parse(check) as string[], port, ['ignore', 'ignore', 'pipe']);
      let errors = '';
      child.stderr?.on('data', (chunk: Buffer) => {
        errors += chunk;
      });
      const [code] = (await once(child, 'close')) as [number];
      return { code, errors };
    };
    assert.deepEqual(await health(), { code: 0, errors: '' });

    sidecar.kill('SIGTERM');
    await ended;
    const { code, errors } = await health();
    assert.equal(code, 1);
    assert.match(errors, /^azure-iot-sidecar: UNHEALTHY: [^\n]+\n$/);
  });
});
