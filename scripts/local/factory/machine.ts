import iotDevice, {
  type Client,
  type DeviceMethodRequest,
  type DeviceMethodResponse,
  type Twin,
} from 'azure-iot-device';
import iotMqtt from 'azure-iot-device-mqtt';

/** What a machine answers to a direct method. */
export interface MethodAnswer {
  readonly status: number;
  readonly payload?: unknown;
}

/** The state that a machine reports in its twin. */
export type Reported = Readonly<Record<string, unknown>>;

/**
 * A machine of the simulated factory on Microsoft's device SDK over MQTT. It answers direct methods, follows desired properties and reports
 * them, and completes cloud-to-device messages, so that the hub gives feedback. Each kind of machine adds its own values.
 */
export abstract class Machine {
  readonly deviceId: string;
  /** Properties of its Thing, with their base types. */
  abstract readonly properties: Readonly<Record<string, string>>;
  /** What the terminal shows of it. */
  abstract readonly shown: readonly string[];
  /** How many messages the hub has taken. */
  sent = 0;
  #client: Client | undefined;
  #twin: Twin | undefined;
  #timeMs = 0;

  constructor(deviceId: string) {
    this.deviceId = deviceId;
  }

  /** Sends what it has to say at this moment; called about once a second. */
  abstract tick(): Promise<void>;

  /** Does what a direct method asks for; undefined for a method that it does not know. */
  protected command(_name: string, _payload: unknown): MethodAnswer | undefined {
    return undefined;
  }

  /** Takes desired properties and gives what is to be reported. */
  protected configure(desired: Readonly<Record<string, unknown>>): Reported {
    const { $version: _, ...rest } = desired;
    return rest;
  }

  /** Takes the text of a cloud-to-device message. */
  protected receive(_text: string): void {}

  async open(connectionString: string, ca: string): Promise<void> {
    const client = iotDevice.Client.fromConnectionString(connectionString, iotMqtt.Mqtt as never);
    this.#client = client;
    await client.setOptions({ ca });
    await client.open();
    client.on('message', (message: { getBytes(): Buffer }) => {
      this.receive(message.getBytes().toString());
      void client.complete(message as never);
    });
    this.#twin = await client.getTwin();
    this.#twin.on('properties.desired', (desired: Record<string, unknown>) => {
      void this.report(this.configure(desired));
    });
  }

  async close(): Promise<void> {
    await this.#client?.close();
  }

  /** Makes a direct method known; the answer comes from `command`. */
  protected offer(...methods: readonly string[]): void {
    for (const method of methods) {
      this.client.onDeviceMethod(method, (request: DeviceMethodRequest, response: DeviceMethodResponse) => {
        const answer = this.command(method, request.payload) ?? { status: 404 };
        void response.send(answer.status, answer.payload);
      });
    }
  }

  protected get client(): Client {
    if (!this.#client) throw new Error(`${this.deviceId} is not connected.`);
    return this.#client;
  }

  protected async report(reported: Reported): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#twin?.properties.reported.update(reported, (error: Error | null) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  /** Sends one JSON message; `properties` are application properties. */
  protected async send(body: unknown, properties: Readonly<Record<string, string>> = {}): Promise<void> {
    const message = new iotDevice.Message(JSON.stringify(body));
    message.contentType = 'application/json';
    message.contentEncoding = 'utf-8';
    this.#timeMs = Math.max(Date.now(), this.#timeMs + 1);
    message.properties.add('iothub-creation-time-utc', new Date(this.#timeMs).toISOString());
    for (const [name, value] of Object.entries(properties)) message.properties.add(name, value);
    await this.client.sendEvent(message);
    this.sent += 1;
  }
}

/** Rounds for people. */
export function rounded(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}
