import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { ZipArchive } from 'archiver';
import { ConnectorError } from '../errors/connector-error.ts';
import { ThingworxClient } from '../thingworx/client.ts';
import type { PlatformQuestion } from './assumptions.ts';
import {
  BENCH_THING,
  EXPIRED_KEY,
  entitiesXml,
  KEY,
  PACKAGED_THING,
  PROBE,
  PROJECT,
  packageFiles,
  THING,
  USER,
} from './entities.ts';
import type { Listener } from './listener.ts';

type Finding = Partial<Record<PlatformQuestion, string>>;

const HOUR_MS = 3_600_000;
/** Longer than any time limit that is to be found. */
const LONG_CALL_MS = 120_000;

/** The experiments on one ThingWorx server, with throw-away entities of their own. */
export class Experiments {
  readonly #url: string;
  readonly #administrator: ThingworxClient;
  readonly #listener: Listener;
  readonly #secret = `probe-${randomUUID()}`;
  #user: ThingworxClient | undefined;

  constructor(url: string, administrator: ThingworxClient, listener: Listener) {
    this.#url = url;
    this.#administrator = administrator;
    this.#listener = listener;
  }

  /** Makes the entities. What an interrupted probe left is removed first. */
  async prepare(): Promise<void> {
    await this.clear();
    await this.#importXml(entitiesXml());
    await this.#administrator.setProperties(THING, { secret: this.#secret });
    await this.#entityService('CreateThing', {
      name: BENCH_THING,
      thingTemplateName: 'GenericThing',
      description: '',
      projectName: PROJECT,
    });
    await this.#call('Things', BENCH_THING, 'AddPropertyDefinition', {
      name: 'volatile',
      type: 'STRING',
      description: '',
      category: '',
      dataShape: '',
      readOnly: false,
      persistent: false,
      logged: false,
      dataChangeType: 'ALWAYS',
      remote: false,
    });
    await this.#call('Things', BENCH_THING, 'EnableThing');
    await this.#call('Things', BENCH_THING, 'RestartThing');
    await this.#entityService('CreateUser', {
      name: USER,
      password: `${randomUUID()}aA1!`,
      description: '',
      tags: '',
    });
    this.#user = new ThingworxClient({
      url: this.#url,
      appKey: await this.#createKey(KEY, Date.now() + HOUR_MS),
    });
    await this.#call('Things', THING, 'AddVisibilityPermission', {
      principal: 'Everyone',
      principalType: 'Organization',
    });
    for (const service of ['Outer', 'OuterOfSystem', 'UpdatePropertyValues'])
      await this.#permit(USER, service);
    await this.#permit('System', 'InnerOfSystem');
  }

  /** Removes the entities. What is not there is no error. */
  async clear(): Promise<void> {
    await this.#user?.close();
    this.#user = undefined;
    const removals: readonly (readonly [string, string, string])[] = [
      ['Things', THING, 'DeleteThing'],
      ['Things', BENCH_THING, 'DeleteThing'],
      ['ApplicationKeys', KEY, 'DeleteApplicationKey'],
      ['ApplicationKeys', EXPIRED_KEY, 'DeleteApplicationKey'],
      ['Users', USER, 'DeleteUser'],
    ];
    if ((await this.#extensionVersion()) !== undefined)
      await this.#call('Subsystems', 'PlatformSubsystem', 'DeleteExtensionPackage', { packageName: PROBE });
    for (const [collection, name, service] of removals) {
      if (await this.#exists(collection, name)) await this.#entityService(service, { name });
    }
    if (await this.#exists('Projects', PROJECT))
      await this.#entityService('DeleteProject', { name: PROJECT });
  }

  /** Runs all experiments, one after the other. A question that one cannot answer is absent from its finding. */
  async run(long: boolean, failed: (experiment: string, error: ConnectorError) => void): Promise<Finding> {
    const experiments: Readonly<Record<string, () => Promise<Finding>>> = {
      passwords: () => this.#passwords(),
      'HTTP of scripts': () => this.#contentLoader(),
      scripts: () => this.#scripts(),
      language: () => this.#language(),
      updates: () => this.#updates(),
      rights: () => this.#rights(),
      'life cycle': () => this.#lifeCycle(),
      extensions: () => this.#extensions(),
      ...(long ? { 'time limit': () => this.#timeLimit() } : {}),
    };
    const found: Finding = {};
    for (const [name, experiment] of Object.entries(experiments)) {
      try {
        Object.assign(found, await experiment());
      } catch (error) {
        if (!(error instanceof ConnectorError)) throw error;
        failed(name, error);
      }
    }
    return found;
  }

  async #passwords(): Promise<Finding> {
    const read = String(await this.#result('ReadPassword'));
    const decrypted = await this.#attempt(() => this.#result('DecryptPassword'));
    return {
      passwordInScripts: this.#form(read, 'clear', 'encrypted', 'masked'),
      decryptPropertyValue: decrypted === undefined ? 'missing' : 'byRight',
    };
  }

  #form(text: string, secret: string, ciphertext: string, mask: string): string {
    if (text === this.#secret) return secret;
    return /^\*+$/.test(text) ? mask : ciphertext;
  }

  async #contentLoader(): Promise<Finding> {
    this.#listener.takeLogin();
    const answer = await this.#call('Things', THING, 'CallWithPassword', {
      url: this.#listener.protectedUrl,
    });
    const login = this.#listener.takeLogin();
    if (!login) return {};
    const missing = await this.#result('CallMissing', { url: this.#listener.missingUrl });
    return {
      contentLoaderPassword: this.#form(login.password, 'secret', 'ciphertext', 'mask'),
      contentLoaderPreemptiveLogin: String(login.first),
      contentLoaderStatusKeys: String(
        typeof answer === 'object' && answer !== null && 'responseStatus' in answer,
      ),
      contentLoaderThrows: String(missing === 'thrown'),
    };
  }

  async #scripts(): Promise<Finding> {
    const isArray = await this.#result('IsArray', { value: { list: [1, 2] } });
    const rows = await this.#result('ReadRows');
    return {
      jsonInScripts: isArray === true ? 'native' : 'javaBacked',
      rowViews: rows === 'ab' ? 'perRow' : 'shared',
      argumentsOfParameterlessServices: String(await this.#result('CallWithObject')),
      parameterDefaults: (await this.#result('WithDefault')) === 'filled' ? 'apply' : 'ignore',
      unsetDatetime: await this.#unsetDatetime(),
    };
  }

  async #unsetDatetime(): Promise<string> {
    const { never } = await this.#administrator.properties(THING);
    return never === undefined || never === null || never === '' ? 'nothing' : String(never);
  }

  async #language(): Promise<Finding> {
    const compiles = async (service: string) => (await this.#attempt(() => this.#result(service))) === 'x';
    const [forOf, destructuring, block] = [
      await compiles('LevelForOf'),
      await compiles('LevelDestructuring'),
      await compiles('LevelLet'),
    ];
    return {
      languageLevel: forOf ? 'es6' : destructuring ? '1.8' : block ? '1.7' : 'default',
      returnAtTheEnd: (await compiles('ReturnAtTheEnd')) ? 'accept' : 'refuse',
    };
  }

  async #updates(): Promise<Finding> {
    const update = (client: ThingworxClient, rows: readonly unknown[], dataShape: object = NAMED_VTQ) =>
      client.invoke(THING, 'UpdatePropertyValues', { values: { ...dataShape, rows } });
    const administrator = this.#administrator;
    const row = (time: number, value: number, name = 'known') => ({ name, time, value, quality: 'GOOD' });
    const current = async () => Number((await administrator.properties(THING))['known']);
    const now = Date.now();
    const withUnknown = await this.#attempt(() =>
      update(administrator, [row(now - 60_000, 1), row(now - 60_000, 1, 'unknown')]).then(() => true),
    );
    const withoutShape = await this.#attempt(() =>
      update(administrator, [row(now - 50_000, 2)], {}).then(() => true),
    );
    const byUser = await this.#attempt(() =>
      update(this.#requireUser(), [row(now - 40_000, 3)]).then(() => true),
    );
    await update(administrator, [row(now, 10)]);
    await update(administrator, [row(now, 11)]);
    const equal = await current();
    await update(administrator, [row(now - 1_000, 12)]);
    const older = await current();
    return {
      unknownPropertyInUpdate: withUnknown ? 'row' : 'call',
      infoTableWithoutDataShape: withoutShape ? 'declared' : 'refuse',
      updateNeedsPropertyWrite: String(!byUser),
      equalTimes: equal === 11 ? 'yes' : 'no',
      olderTimes: older === 12 ? 'yes' : 'no',
    };
  }

  async #rights(): Promise<Finding> {
    const user = this.#requireUser();
    const may = async (service: string) =>
      (await this.#attempt(() => user.invoke(THING, service, {}).then(() => true))) ?? false;
    const [plain, ofSystem] = [await may('Outer'), await may('OuterOfSystem')];
    const library = await this.#attempt(() =>
      user
        .invokeOn('Resources', 'InfoTableFunctions', 'CreateInfoTable', { infoTableName: 'x' })
        .then(() => true),
    );
    const key = await this.#keyOf(KEY);
    const expired = await this.#createKey(EXPIRED_KEY, Date.now() - HOUR_MS);
    const invoke = `Things/${encodeURIComponent(THING)}/Services/Inner`;
    const read = `Things/${encodeURIComponent(THING)}/Properties/known`;
    await this.#permit(USER, 'known', 'PropertyRead');
    return {
      nestedRights: plain ? 'unchecked' : ofSystem ? 'callerOrSystem' : 'caller',
      functionLibrariesForUsers: String(library === true),
      forbiddenStatus: String(await this.#status('POST', invoke, { appKey: key })),
      expiredKeyStatus: String(await this.#status('GET', read, { appKey: expired })),
      appKeyInUrl: (await this.#status('GET', `${read}?appKey=${key}`, {})) === 200 ? 'accept' : 'refuse',
    };
  }

  async #lifeCycle(): Promise<Finding> {
    const value = async () => (await this.#administrator.properties(BENCH_THING))['volatile'];
    await this.#administrator.setProperties(BENCH_THING, { volatile: 'set' });
    await this.#call('Things', BENCH_THING, 'RestartThing');
    const kept = (await value()) === 'set';
    await this.#call('Things', BENCH_THING, 'DisableThing');
    const readable = await this.#attempt(() => value().then(() => true));
    return { restartLosesValues: String(!kept), disabledThings: readable ? 'accept' : 'refuse' };
  }

  /** Needs an import policy that allows entities. */
  async #extensions(): Promise<Finding> {
    const imports = async (version: string, more: Readonly<Record<string, string>> = {}) =>
      (await this.#attempt(() => this.#importPackage(version, more).then(() => true))) ?? false;
    await this.#importPackage('1.0.0');
    const again = await imports('1.0.0');
    await this.#administrator.setProperties(PACKAGED_THING, { kept: 'of the customer' });
    const upgraded = await imports('1.0.1');
    const { kept } = await this.#administrator.properties(PACKAGED_THING);
    const undeclared = await imports('1.0.2', { [`ui/${PROBE}/probe.js`]: '// nothing\n' });
    const extra = await imports('1.0.3', { 'extra/probe.txt': 'nothing\n' });
    return {
      sameVersion: again ? 'warn' : 'refuse',
      ...(upgraded ? { upgradeOverwritesValues: String(kept !== 'of the customer') } : {}),
      policyCoversUndeclaredFiles: String(!undeclared),
      extraFiles: extra ? 'accept' : 'refuse',
    };
  }

  async #timeLimit(): Promise<Finding> {
    const started = performance.now();
    const ended = await this.#attempt(() =>
      this.#administrator.invoke(THING, 'Pause', {}, { timeoutMs: LONG_CALL_MS }).then(() => true),
    );
    return ended ? {} : { scriptTimeLimit: String(Math.round((performance.now() - started) / 1000)) };
  }

  #requireUser(): ThingworxClient {
    if (this.#user) return this.#user;
    throw new ConnectorError('THINGWORX_NOT_FOUND', `The user ${USER} was not made.`);
  }

  /** Undefined when ThingWorx refuses the call; what says nothing about the question is thrown. */
  async #attempt<T>(call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      if (error instanceof ConnectorError && REFUSALS.has(error.code)) return undefined;
      throw error;
    }
  }

  #call(collection: string, name: string, service: string, parameters: object = {}): Promise<unknown> {
    return this.#administrator.invokeOn(collection, name, service, parameters);
  }

  async #entityService(service: string, parameters: object): Promise<void> {
    await this.#call('Resources', 'EntityServices', service, parameters);
  }

  async #result(service: string, parameters: object = {}): Promise<unknown> {
    return single(await this.#call('Things', THING, service, parameters));
  }

  async #permit(user: string, resource: string, type = 'ServiceInvoke'): Promise<void> {
    await this.#call('Things', THING, 'AddRunTimePermission', {
      principal: user,
      principalType: 'User',
      type,
      resource,
      allow: true,
    });
  }

  async #createKey(name: string, expirationDate: number): Promise<string> {
    await this.#entityService('CreateApplicationKey', {
      name,
      user: USER,
      clientName: PROBE,
      description: '',
      whitelist: '',
      tags: '',
      expirationDate,
    });
    return await this.#keyOf(name);
  }

  async #keyOf(name: string): Promise<string> {
    return String(single(await this.#call('ApplicationKeys', name, 'GetKeyID')));
  }

  async #exists(collection: string, name: string): Promise<boolean> {
    const parameters = { type: collection, nameMask: name, maxItems: 100 };
    return rowsOf(await this.#call('Resources', 'EntityServices', 'GetEntityList', parameters)).some(
      (row) => row['name'] === name,
    );
  }

  async #extensionVersion(): Promise<string | undefined> {
    const rows = rowsOf(await this.#call('Subsystems', 'PlatformSubsystem', 'GetExtensionPackageList'));
    const found = rows.find((row) => row['name'] === PROBE);
    return found === undefined ? undefined : String(found['packageVersion']);
  }

  /** The status alone; the client of the sidecar makes errors of most. */
  async #status(method: string, target: string, headers: Record<string, string>): Promise<number> {
    const answer = await fetch(`${this.#url}/${target}`, {
      method,
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        'x-xsrf-token': 'TWX-XSRF-TOKEN-VALUE',
        ...headers,
      },
      ...(method === 'POST' ? { body: '{}' } : {}),
      signal: AbortSignal.timeout(40_000),
    });
    await answer.arrayBuffer();
    return answer.status;
  }

  async #importXml(xml: string): Promise<void> {
    const target =
      'Importer?purpose=import&usedefaultdataprovider=false&usedefaultqueueprovider=false&WithSubsystems=false&IgnoreBadValueStreamData=false&overwriteConfigurationTableValues=true&overwritePropertyValues=true';
    await this.#administrator.postFile(target, new Blob([xml]), `${PROBE}.xml`);
  }

  async #importPackage(version: string, more: Readonly<Record<string, string>> = {}): Promise<void> {
    const archive = new ZipArchive({ zlib: { level: 9 } });
    for (const [name, content] of packageFiles(version, more)) archive.append(content, { name });
    const [bytes] = await Promise.all([buffer(archive), archive.finalize()]);
    const target = 'ExtensionPackageUploader?purpose=import&validate=false';
    const text = await this.#administrator.postFile(
      target,
      new Blob([new Uint8Array(bytes)]),
      `${PROBE}.zip`,
    );
    const failed = rowsOf(JSON.parse(text))
      .flatMap((step) => rowsOf(step['install']))
      .find(({ extensionReportStatus: status }) => status === 1);
    if (failed) throw new ConnectorError('THINGWORX_REJECTED', String(failed['reportMessage']));
  }
}

/** With these ThingWorx answers a question; an outage does not. */
const REFUSALS: ReadonlySet<string> = new Set([
  'THINGWORX_REJECTED',
  'THINGWORX_FORBIDDEN',
  'THINGWORX_UNAUTHORIZED',
  'THINGWORX_NOT_FOUND',
]);

const NAMED_VTQ = {
  dataShape: {
    fieldDefinitions: {
      name: { name: 'name', baseType: 'STRING', ordinal: 1, aspects: { isPrimaryKey: true } },
      time: { name: 'time', baseType: 'DATETIME', ordinal: 2, aspects: {} },
      value: { name: 'value', baseType: 'VARIANT', ordinal: 3, aspects: {} },
      quality: { name: 'quality', baseType: 'STRING', ordinal: 4, aspects: {} },
    },
  },
};

type Row = Readonly<Record<string, unknown>>;

function rowsOf(table: unknown): Row[] {
  return (table as { rows?: Row[] } | undefined)?.rows ?? [];
}

function single(table: unknown): unknown {
  return rowsOf(table)[0]?.['result'];
}
