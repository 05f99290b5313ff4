import { convert } from '../base-types.ts';
import type { Entity, ThingEntity } from '../model/entity.ts';
import type { EffectiveService } from '../model/inheritance.ts';
import type { Platform } from '../platform.ts';
import type { EntityReference, ScriptRun } from '../script-platform.ts';
import { PlatformError, type PlatformValue } from '../values.ts';

/** The script engine, as the platform uses it. */
export interface ScriptRunner {
  run(run: ScriptRun): Promise<PlatformValue>;
}

export interface CallOptions {
  /** User whose rights apply. */
  principal: string;
  /** True for a call that a script makes. */
  nested: boolean;
  depth: number;
}

/** A called service with its result, so that the caller can encode it by its type. */
export interface ServiceResult {
  value: PlatformValue;
  result: { baseType: string; dataShape?: string };
}

/** Runs services and subscriptions, in scripts and native. */
export class Services {
  private readonly platform: Platform;

  constructor(platform: Platform) {
    this.platform = platform;
  }

  find(entity: Entity, name: string): EffectiveService {
    const found = this.platform.inheritance.entity(entity).services.get(name);
    if (found === undefined) {
      // Text and status of the platform for an unknown service are not known.
      throw new PlatformError(`Service [${name}] Not Found On [${entity.name}]`, { status: 404 });
    }
    return found;
  }

  /** Call from outside: `input` is the parsed request body. */
  async invoke(entity: Entity, name: string, input: unknown, principal: string): Promise<ServiceResult> {
    const found = this.find(entity, name);
    this.platform.permissions.require(entity, 'ServiceInvoke', name, principal, false);
    if (found.service.isPrivate) {
      throw new PlatformError(`Not authorized for ServiceInvoke on ${name} in ${entity.name}`, {
        status: this.platform.switches.forbiddenStatus,
      });
    }
    const args = this.convertArguments(entity, found, input);
    const result = resultOf(found);
    if (found.service.aspects.isAsync === true && found.implementation.kind === 'script') {
      this.startInBackground(entity, name, args, { principal, nested: false, depth: 0 });
      return { value: null, result: { baseType: 'NOTHING' } };
    }
    try {
      return { value: await this.run(entity, found, args, { principal, nested: false, depth: 0 }), result };
    } catch (error) {
      throw this.wrap(error, entity, name, found);
    }
  }

  /** Call with converted arguments, rights already checked. */
  run(
    entity: Entity,
    found: EffectiveService,
    args: Record<string, PlatformValue>,
    options: CallOptions,
  ): PlatformValue | Promise<PlatformValue> {
    const { implementation, service } = found;
    switch (implementation.kind) {
      case 'native': {
        const native = this.platform.inheritance.entity(entity).natives.get(service.name);
        if (native === undefined) {
          throw this.noHandler(entity, service.name);
        }
        return native.run(args, { platform: this.platform, entity, ...options });
      }
      case 'script':
        return this.platform.scripts.run({
          entity: this.reference(entity),
          service: service.name,
          source: implementation.source,
          variables: args,
          result: resultOf(found),
          principal: options.principal,
          depth: options.depth,
        });
      default:
        throw this.noHandler(entity, service.name);
    }
  }

  private noHandler(entity: Entity, service: string): PlatformError {
    const kind = entity.collection === 'Things' ? 'thing' : 'entity';
    return new PlatformError(`No service handler defined for service ${service} on ${kind} [${entity.name}]`);
  }

  private wrap(error: unknown, entity: Entity, name: string, found: EffectiveService): PlatformError {
    const message = error instanceof Error ? error.message : String(error);
    const target = `Unable to Invoke Service ${name} on ${entity.name}`;
    if (!(error instanceof PlatformError) && found.implementation.kind === 'native') {
      this.platform.logs.write('ErrorLog', {
        level: 'ERROR',
        content: `${target} : ${error instanceof Error ? error.stack : message}`,
        origin: 'c.t.e.Emulator',
      });
    }
    const status =
      error instanceof PlatformError && found.implementation.kind === 'native' ? error.status : 500;
    const text =
      message.startsWith('Unable to Invoke Service') && found.implementation.kind === 'native'
        ? message
        : `${target} : ${message}`;
    this.platform.logs.write('ApplicationLog', {
      level: 'ERROR',
      content: text,
      origin: 'c.t.w.BaseService',
      instance: entity.name,
    });
    return new PlatformError(text, { status, cause: error });
  }

  /** Runs an asynchronous service; nobody waits for it, failures are in the logs alone. */
  startInBackground(
    entity: Entity,
    name: string,
    args: Record<string, PlatformValue>,
    options: CallOptions,
  ): void {
    const found = this.find(entity, name);
    void (async () => this.run(entity, found, args, options))().catch((error: unknown) => {
      this.wrap(error, entity, name, found);
    });
  }

  async runSubscription(
    thing: ThingEntity,
    name: string,
    source: string,
    principal: string,
    variables: ScriptRun['variables'],
  ): Promise<void> {
    try {
      await this.platform.scripts.run({
        entity: this.reference(thing),
        service: name,
        source,
        variables,
        result: { baseType: 'NOTHING' },
        principal,
        depth: 0,
      });
    } catch (error) {
      this.platform.logs.write('ApplicationLog', {
        level: 'ERROR',
        content: `Error executing subscription ${name} on ${thing.name} : ${error instanceof Error ? error.message : error}`,
        origin: 'c.t.t.e.SubscriptionHandler',
        instance: thing.name,
        user: principal,
      });
    }
  }

  reference(entity: Entity): EntityReference {
    return {
      collection: entity.collection as EntityReference['collection'],
      name: entity.name,
      definitionId: this.platform.inheritance.entity(entity).id,
    };
  }

  /** Converts the members of a request body to the declared parameters; others are ignored. */
  private convertArguments(
    entity: Entity,
    found: EffectiveService,
    input: unknown,
  ): Record<string, PlatformValue> {
    const given = typeof input === 'object' && input !== null ? (input as Record<string, unknown>) : {};
    const args: Record<string, PlatformValue> = {};
    for (const parameter of found.service.parameters.values()) {
      if (!Object.hasOwn(given, parameter.name)) {
        continue;
      }
      const declared = String(parameter.aspects.dataShape ?? '');
      const fields =
        parameter.baseType === 'INFOTABLE' && this.platform.switches.infoTableWithoutDataShape === 'declared'
          ? this.platform.shapeFields(declared)
          : undefined;
      try {
        const value = convert(given[parameter.name], parameter.baseType, {
          readPassword: this.platform.cipher.read,
          ...(fields === undefined ? {} : { fields }),
        });
        if (value !== null) {
          args[parameter.name] = value;
        }
      } catch (error) {
        throw this.wrap(error, entity, found.service.name, found);
      }
    }
    return args;
  }
}

export function resultOf(found: EffectiveService): ScriptRun['result'] {
  const { baseType, aspects } = found.service.result;
  return {
    baseType,
    ...(aspects.dataShape === undefined ? {} : { dataShape: String(aspects.dataShape) }),
  };
}
