/** One automatic device management configuration (or Edge deployment): shape, checks, JSON of the API. */
import { HubError } from './hub-error.ts';
import { newEtag } from './identity.ts';
import { parseQuery, parseTarget } from './query/syntax.ts';
import { limits } from './quotas.ts';
import { checkDocument, isObject, type JsonObject } from './twin-document.ts';

/** What to write at a path of a twin, for example `properties.desired.chiller`. */
export type PathContent = Record<string, unknown>;

export interface ConfigurationContent {
  deviceContent?: PathContent;
  /** Of modules that the target condition finds. */
  moduleContent?: PathContent;
  /** module id -> content: an IoT Edge deployment. */
  modulesContent?: Record<string, PathContent>;
}

export interface Configuration {
  id: string;
  schemaVersion: string;
  labels: Record<string, string>;
  content: ConfigurationContent;
  targetCondition: string;
  createdTimeUtc: string;
  lastUpdatedTimeUtc: string;
  priority: number;
  metrics: Record<string, string>;
  etag: string;
}

const idPattern = /^[a-z0-9\-:+%_#*?!(),=@;$']{1,128}$/;
const root = 'properties.desired';

/** Throws ArgumentInvalid, InvalidConfigurationContent, …TargetCondition or …CustomMetricsQuery. */
export function readConfiguration(id: string, input: JsonObject, before?: Configuration): Configuration {
  if (!idPattern.test(id)) throw new HubError('ArgumentInvalid', `The configuration id ${id} is not valid`);
  if (input.id !== undefined && input.id !== id) {
    throw new HubError('ArgumentInvalid', 'The id of the body is not the one of the address');
  }
  const time = new Date().toISOString();
  return {
    id,
    schemaVersion: typeof input.schemaVersion === 'string' ? input.schemaVersion : '1.0',
    labels: readTexts(input.labels, 'labels'),
    content: readContent(input.content),
    targetCondition: readCondition(input.targetCondition),
    createdTimeUtc: before?.createdTimeUtc ?? time,
    lastUpdatedTimeUtc: time,
    priority: readPriority(input.priority),
    metrics: readMetrics(input.metrics),
    etag: newEtag(),
  };
}

export function readContent(given: unknown): ConfigurationContent {
  if (!isObject(given)) throw new HubError('InvalidConfigurationContent', 'content is missing');
  const content: ConfigurationContent = {};
  if (isObject(given.deviceContent)) content.deviceContent = readPaths(given.deviceContent);
  if (isObject(given.moduleContent)) content.moduleContent = readPaths(given.moduleContent);
  if (isObject(given.modulesContent)) {
    content.modulesContent = Object.fromEntries(
      Object.entries(given.modulesContent).map(([module, paths]) => {
        if (!isObject(paths))
          throw new HubError('InvalidConfigurationContent', `The content of ${module} is not an object`);
        return [module, readPaths(paths)];
      }),
    );
  }
  if (Object.keys(content).length !== 1 && !(content.modulesContent && content.deviceContent)) {
    throw new HubError(
      'InvalidConfigurationContent',
      'content has deviceContent, moduleContent or modulesContent',
    );
  }
  return content;
}

function readPaths(paths: JsonObject): PathContent {
  for (const [path, value] of Object.entries(paths)) {
    const names = path.split('.');
    if (path !== root && (!path.startsWith(`${root}.`) || names.includes(''))) {
      throw new HubError('InvalidConfigurationContent', `The path ${path} is not below ${root}`);
    }
    if (path === root && !isObject(value)) {
      throw new HubError('InvalidConfigurationContent', `The value at ${root} must be an object`);
    }
    try {
      checkDocument(value, path);
    } catch (error) {
      throw new HubError('InvalidConfigurationContent', (error as Error).message);
    }
  }
  return paths;
}

function readCondition(given: unknown): string {
  const condition = given ?? '';
  if (typeof condition !== 'string') throw new HubError('InvalidConfigurationTargetCondition');
  const problem = conditionProblem(condition);
  if (problem) throw new HubError('InvalidConfigurationTargetCondition', problem);
  return condition;
}

/** What is wrong with a target condition, if anything. */
export function conditionProblem(condition: string): string | undefined {
  return problemOf(() => parseTarget(condition));
}

/** What is wrong with a metric's query, if anything. */
export function metricProblem(query: string): string | undefined {
  return problemOf(() => parseQuery(query));
}

function problemOf(parse: () => unknown): string | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function readPriority(given: unknown): number {
  if (given === undefined || given === null) return 0;
  if (typeof given !== 'number' || !Number.isInteger(given) || given < 0 || given > 2 ** 31 - 1) {
    throw new HubError('ArgumentInvalid', 'priority must be a non-negative integer');
  }
  return given;
}

function readMetrics(given: unknown): Record<string, string> {
  const queries = readTexts(isObject(given) ? given.queries : undefined, 'metrics.queries');
  if (Object.keys(queries).length > limits.customMetrics) {
    throw new HubError(
      'InvalidConfigurationCustomMetricsQuery',
      `At most ${limits.customMetrics} metrics are allowed`,
    );
  }
  for (const [name, query] of Object.entries(queries)) {
    const problem = metricProblem(query);
    if (problem) throw new HubError('InvalidConfigurationCustomMetricsQuery', `${name}: ${problem}`);
  }
  return queries;
}

function readTexts(given: unknown, where: string): Record<string, string> {
  if (given === undefined || given === null) return {};
  if (!isObject(given) || !Object.values(given).every((value) => typeof value === 'string')) {
    throw new HubError('ArgumentInvalid', `${where} must be an object of texts`);
  }
  return given as Record<string, string>;
}

/** The collection that the configuration works on. */
export function collectionOf(configuration: Configuration): 'devices' | 'devices.modules' {
  return configuration.content.moduleContent ? 'devices.modules' : 'devices';
}
