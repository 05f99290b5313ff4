import { randomBytes } from 'node:crypto';
import { NODE_FLAGS } from '../../sidecar/setup/trial-run.ts';
import { jsonLine, LocalProcess } from './process.ts';

export interface SidecarOptions {
  /** The bundled program, as it lies in the zip. */
  readonly program: string;
  readonly thingworxUrl: string;
  readonly appKeyFile: string;
  readonly stateDirectory: string;
  readonly caFile: string;
  readonly port: number;
  /** Where it listens; 127.0.0.1 by default. */
  readonly host?: string;
  /** The token that Things show; a random one by default. */
  readonly token?: string;
  readonly logLevel?: string;
  /** More of its environment. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
  readonly onUnexpectedExit?: (message: string) => void;
}

/** What is different in one life of the process. */
export interface SidecarLife {
  /** Another program, such as that of another version. */
  readonly program?: string;
  /** More of its environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The sidecar as a child process, started the way an operator starts it: by its environment. */
export class Sidecar {
  readonly token: string;
  readonly #options: SidecarOptions;
  #process: LocalProcess | undefined;
  #port: number;

  constructor(options: SidecarOptions) {
    this.#options = options;
    this.token = options.token ?? randomBytes(24).toString('base64url');
    this.#port = options.port;
  }

  get url(): string {
    return `http://${this.#options.host ?? '127.0.0.1'}:${this.#port}`;
  }

  get stateDirectory(): string {
    return this.#options.stateDirectory;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get hasEnded(): boolean {
    return this.#process?.hasEnded ?? true;
  }

  /** Starts it; a second start, after `kill`, takes the same port. */
  async start(life: SidecarLife = {}): Promise<void> {
    const { thingworxUrl, appKeyFile, stateDirectory, caFile } = this.#options;
    const { host, logLevel, environment, onLine, onUnexpectedExit } = this.#options;
    this.#process = new LocalProcess({
      name: 'The sidecar',
      args: [...NODE_FLAGS, life.program ?? this.#options.program],
      env: {
        THINGWORX_URL: thingworxUrl,
        THINGWORX_APP_KEY_FILE: appKeyFile,
        SIDECAR_TOKEN: this.token,
        ...(host === undefined ? {} : { SIDECAR_HOST: host }),
        SIDECAR_PORT: String(this.#port),
        SIDECAR_STATE_DIR: stateDirectory,
        NODE_EXTRA_CA_CERTS: caFile,
        // Azurite speaks plain http here.
        SIDECAR_ALLOW_LOCAL_AZURE: 'true',
        LOG_LEVEL: logLevel ?? 'info',
        ...environment,
        ...life.environment,
      },
      ready: (line) => {
        const entry = jsonLine(line);
        return entry && typeof entry.port === 'number' ? entry : undefined;
      },
      ...(onLine ? { onLine } : {}),
    });
    const facts = await this.#process.start();
    this.#port = Number(facts.port);
    if (onUnexpectedExit) this.#process.onUnexpectedExit(onUnexpectedExit);
  }

  /** Ends it at once, as a crash does. */
  async kill(): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.#process?.stop();
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }
}
