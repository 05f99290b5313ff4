import { convert } from '../base-types.ts';
import { InfoTable } from '../infotable.ts';
import type { PasswordCipher } from '../password-cipher.ts';
import {
  type EntityReference,
  type LogLevel,
  type NativeResource,
  type ScriptCall,
  type ServiceDefinition,
  scriptCollections,
} from '../script-platform.ts';
import { PlatformError, type PlatformValue } from '../values.ts';
import { Bridge } from './bridge.ts';
import { type Channel, encodeError, type RunMessage, type WireError } from './channel.ts';
import { Compiler } from './compiler.ts';
import { Directory } from './directory.ts';
import { Entities } from './entities.ts';
import { scriptFunctions } from './functions.ts';
import { absentGlobals } from './language-levels.ts';
import { createRealm, type Realm, scriptFrame } from './realm.ts';
import { decodeValue, encodeValue, type Wire, type WireVariables } from './wire.ts';

/** Everything a worker thread needs to run scripts: the realm, its globals, and the stack of running services. */
export class Runtime {
  private readonly channel: Channel;
  private readonly realm: Realm;
  private readonly bridge: Bridge;
  private readonly compiler: Compiler;
  private readonly directory: Directory;
  private readonly entities: Entities;
  /** Calls of the services that are running, innermost last. */
  private readonly calls: ScriptCall[] = [];

  constructor(
    channel: Channel,
    cipher: PasswordCipher,
    switches: RunMessage['switches'],
    local: ReadonlyMap<string, NativeResource>,
  ) {
    this.channel = channel;
    this.realm = createRealm();
    this.bridge = new Bridge(this.realm.intrinsics, cipher, switches);
    this.compiler = new Compiler(this.realm.context);
    const self = this;
    const invoker = {
      get call() {
        return self.call;
      },
      runNested: (
        entity: EntityReference,
        service: ServiceDefinition,
        source: string,
        args: Record<string, PlatformValue>,
      ) => this.runNested(entity, service, source, args),
    };
    this.directory = new Directory(channel);
    this.entities = new Entities(this.bridge, channel, this.directory, invoker, local);
    this.defineGlobals(cipher);
  }

  /** Runs what the main thread asks for. */
  run(message: RunMessage): { value: Wire } | { error: WireError } {
    this.bridge.switches = message.switches;
    this.channel.revision = message.revision;
    this.calls.length = 0;
    const { entity, service, principal, depth } = message;
    this.calls.push({
      principal,
      depth,
      source: { collection: entity.collection, name: entity.name, service },
    });
    try {
      checkDepth(depth);
      const variables = { ...this.absentParameters(entity, service), ...this.variables(message.variables) };
      const value = this.execute(entity, service, message.source, variables, message.result);
      return { value: encodeValue(value) };
    } catch (error) {
      return { error: this.failure(error, service) };
    } finally {
      this.calls.length = 0;
    }
  }

  private get call(): ScriptCall {
    return this.calls.at(-1) as ScriptCall;
  }

  private runNested(
    entity: EntityReference,
    service: ServiceDefinition,
    source: string,
    args: Record<string, PlatformValue>,
  ): PlatformValue {
    const { principal, depth } = this.call;
    checkDepth(depth + 1);
    const variables: Record<string, unknown> = {};
    for (const { name } of service.parameters) {
      variables[name] = this.bridge.toScript(args[name] ?? null);
    }
    this.calls.push({
      principal,
      depth: depth + 1,
      source: { collection: entity.collection, name: entity.name, service: service.name },
    });
    try {
      return this.execute(entity, service.name, source, variables, service.result);
    } catch (error) {
      const { script, message } = this.failure(error, service.name);
      const reason = script === undefined ? message : script.message;
      throw new PlatformError(`Unable to Invoke Service ${service.name} on ${entity.name} : ${reason}`);
    } finally {
      this.calls.pop();
    }
  }

  private execute(
    entity: EntityReference,
    service: string,
    source: string,
    variables: Record<string, unknown>,
    declared: ServiceDefinition['result'],
  ): PlatformValue {
    const absent = absentGlobals[this.bridge.switches.languageLevel].map((name) => [name, undefined]);
    const all: Record<string, unknown> = {
      ...Object.fromEntries(absent),
      ...variables,
      me: this.entities.entity(entity),
      logger: this.logger(),
    };
    const script = this.compiler.compile(service, source, Object.keys(all));
    const result = this.bridge.toPlatform(script(all), declared.baseType, {
      readPassword: this.bridge.readPassword,
    });
    if (result instanceof InfoTable && declared.dataShape !== undefined) {
      this.checkShape(service, result, declared.dataShape);
    }
    return result;
  }

  /** The platform takes any table for a result, whatever Data Shape is declared; the emulator tells in the script log. */
  private checkShape(service: string, table: InfoTable, dataShape: string): void {
    const declared = this.directory.dataShapeFields(dataShape) ?? [];
    const wrong = declared
      .filter(({ name, baseType }) => table.fields.get(name)?.baseType !== baseType)
      .map(({ name, baseType }) => `${name} (${baseType})`);
    if (wrong.length > 0) {
      this.log(
        'WARN',
        `The result of service [${service}] is not a ${dataShape}: it lacks ${wrong.join(', ')}`,
      );
    }
  }

  /** Parameters of a service that the caller left out are variables without a value. */
  private absentParameters(entity: EntityReference, service: string): Record<string, unknown> {
    const { services } = this.directory.definition(entity.definitionId);
    const variables: Record<string, unknown> = {};
    for (const { name, baseType, aspects } of (Object.hasOwn(services, service) &&
      services[service]?.parameters) ||
      []) {
      const apply = this.bridge.switches.parameterDefaults === 'apply' && aspects.defaultValue !== undefined;
      variables[name] = apply ? this.bridge.toScript(convert(aspects.defaultValue, baseType)) : undefined;
    }
    return variables;
  }

  private variables(wire: WireVariables): Record<string, unknown> {
    const variables: Record<string, unknown> = {};
    for (const [name, variable] of Object.entries(wire)) {
      variables[name] =
        'structure' in variable
          ? this.bridge.object(this.variables(variable.structure))
          : this.bridge.toScript(decodeValue(variable.value));
    }
    return variables;
  }

  /** Describes what a script threw and writes it to the script log. */
  private failure(thrown: unknown, service: string): WireError {
    const original = this.bridge.original(thrown);
    const error = original instanceof PlatformError ? original : thrown;
    const { javaClass, status } = encodeError(error);
    const stack = (thrown as { stack?: unknown } | null)?.stack;
    const frame = typeof stack === 'string' ? scriptFrame.exec(stack) : null;
    const lineNumber = frame === null ? 0 : Number(frame[2]);
    const message = describe(thrown, original);
    const position = frame === null ? '' : ` (${frame[1]}#${lineNumber})`;
    this.log('ERROR', `Execution error in service script [${service}] :: ${message}${position}`);
    return {
      message: `Execution error in service script [${service}] : ${message}`,
      javaClass,
      status,
      script: { service, message, lineNumber },
    };
  }

  private log(level: LogLevel, message: string): void {
    const { principal, source } = this.call;
    this.channel.send({
      log: { level, message, principal, entity: source.name, service: source.service, timeMs: Date.now() },
    });
  }

  private logger(): object {
    const logger = this.bridge.object({});
    for (const level of ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR'] as const) {
      const name = level.toLowerCase();
      const write = (format: unknown, ...values: unknown[]) => this.log(level, fill(format, values));
      Object.defineProperty(logger, name, { value: this.bridge.hostFunction(name, write), enumerable: true });
    }
    return logger;
  }

  private defineGlobals(cipher: PasswordCipher): void {
    const globals: Record<string, unknown> = scriptFunctions(this.bridge, cipher);
    for (const collection of scriptCollections) {
      globals[collection] = this.entities.collection(collection);
    }
    for (const [name, value] of Object.entries(globals)) {
      Object.defineProperty(this.realm.context, name, {
        value,
        configurable: true,
        enumerable: false,
        writable: true,
      });
    }
  }
}

// Services that call each other without end are stopped here; where the platform stops is not known.
const maxDepth = 200;

function checkDepth(depth: number): void {
  if (depth > maxDepth) {
    throw new PlatformError(`Too many nested service calls (${maxDepth})`, {
      javaClass: 'java.lang.StackOverflowError',
    });
  }
}

/** Text of what was thrown: the message of an error with its name unless that is plain Error, else the value as text. */
function describe(thrown: unknown, original: unknown): string {
  if (original instanceof PlatformError) {
    return original.message;
  }
  if (typeof thrown === 'object' && thrown !== null && 'message' in thrown) {
    const { name, message } = thrown as { name?: unknown; message?: unknown };
    const text = engineText(String(message));
    return name === undefined || name === 'Error' ? text : `${String(name)}: ${text}`;
  }
  try {
    return String(thrown);
  } catch {
    return 'an object without text form was thrown';
  }
}

/** Messages of V8 that Rhino words differently. Only the caller and the log see them so: a script that catches has V8's. */
function engineText(message: string): string {
  return message
    .replace(/^([\w$]+) is not defined$/, '"$1" is not defined.')
    .replace(
      /^Cannot read properties of (null|undefined) \(reading '(.*)'\)$/,
      'Cannot read property "$2" from $1',
    )
    .replace(
      /^Cannot set properties of (null|undefined) \(setting '(.*)'\)$/,
      'Cannot set property "$2" of $1',
    );
}

/** slf4j's message format: each `{}` takes the next value. */
function fill(format: unknown, values: unknown[]): string {
  let index = 0;
  return text(format).replace(/\{\}/g, (place) => (index < values.length ? text(values[index++]) : place));
}

function text(value: unknown): string {
  try {
    return String(value);
  } catch {
    return typeof value;
  }
}
