import iotDevice from 'azure-iot-device';
import iotMqtt from 'azure-iot-device-mqtt';

const { Client, Message } = iotDevice;

/** The values of one telemetry message of a simulated machine. */
export interface Reading {
  readonly temperature: number;
  readonly humidity: number;
  readonly count: number;
  readonly running: boolean;
  readonly label: string;
}

/** Properties that the Things of simulated devices have. */
export const READING_PROPERTIES: Readonly<Record<keyof Reading, string>> = {
  temperature: 'NUMBER',
  humidity: 'NUMBER',
  count: 'INTEGER',
  running: 'BOOLEAN',
  label: 'STRING',
};

/** A simulated machine on Microsoft's device SDK over MQTT. Keeps what the hub has confirmed, so that nothing needs to be guessed. */
export class SimulatedDevice {
  readonly deviceId: string;
  readonly #client: InstanceType<typeof Client>;
  readonly #sent: Reading[] = [];
  #count = 0;
  #timeMs = 0;

  constructor(deviceId: string, connectionString: string) {
    this.deviceId = deviceId;
    this.#client = Client.fromConnectionString(connectionString, iotMqtt.Mqtt);
  }

  /** The readings that the hub has taken, in order. */
  get sent(): readonly Reading[] {
    return this.#sent;
  }

  async open(ca: string): Promise<void> {
    await this.#client.setOptions({ ca });
    await this.#client.open();
  }

  /** Sends the next reading; resolves when the hub has taken it. */
  async sendReading(): Promise<void> {
    const count = ++this.#count;
    const reading: Reading = {
      temperature: Math.round((20 + 5 * Math.sin(count / 10)) * 100) / 100,
      humidity: Math.round((50 + 10 * Math.cos(count / 7)) * 10) / 10,
      count,
      running: count % 10 !== 0,
      label: `${this.deviceId} #${count}`,
    };
    const message = new Message(JSON.stringify(reading));
    message.contentType = 'application/json';
    message.contentEncoding = 'utf-8';
    // The device's own time of the reading. Two readings never share one: a value stream keeps one value per property and time.
    this.#timeMs = Math.max(Date.now(), this.#timeMs + 1);
    message.properties.add('iothub-creation-time-utc', new Date(this.#timeMs).toISOString());
    await this.#client.sendEvent(message);
    this.#sent.push(reading);
  }

  /** Sends any body, as a device with a fault or of another kind would. */
  async send(body: string, properties: Readonly<Record<string, string>> = {}): Promise<void> {
    const message = new Message(body);
    for (const [name, value] of Object.entries(properties)) message.properties.add(name, value);
    await this.#client.sendEvent(message);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}
