import { crc32, deflateSync } from 'node:zlib';
import { Machine, type MethodAnswer, type Reported, rounded } from './machine.ts';

/** One simulated day in seconds, so that a daily wave can be watched. */
const DAY_SECONDS = 120;

function timeOfDay(): number {
  return ((Date.now() / 1000) % DAY_SECONDS) / DAY_SECONDS;
}

/** A pump: flow and pressure follow the day. It takes a speed by twin, by method and by message. */
export class Pump extends Machine {
  readonly properties = { flow: 'NUMBER', pressure: 'NUMBER', speed: 'INTEGER', running: 'BOOLEAN' };
  readonly shown = ['flow', 'pressure', 'speed', 'running'];
  #speed = 1400;
  #running = true;

  override async open(connectionString: string, ca: string): Promise<void> {
    await super.open(connectionString, ca);
    this.offer('start', 'stop', 'setSpeed');
    await this.report({ speed: this.#speed, firmware: '2.4.1' });
  }

  async tick(): Promise<void> {
    const load = this.#running ? (this.#speed / 1400) * (1 + 0.3 * Math.sin(2 * Math.PI * timeOfDay())) : 0;
    await this.send({
      flow: rounded(42 * load),
      pressure: rounded(3.2 * load, 2),
      speed: this.#running ? this.#speed : 0,
      running: this.#running,
    });
  }

  protected override command(name: string, payload: unknown): MethodAnswer {
    if (name !== 'setSpeed') {
      this.#running = name === 'start';
      return { status: 200, payload: { running: this.#running } };
    }
    const speed = Number((payload as { speed?: unknown } | null)?.speed);
    if (!(speed >= 100 && speed <= 3000)) {
      return { status: 400, payload: { error: 'speed must be a number from 100 to 3000' } };
    }
    this.#speed = Math.round(speed);
    void this.report({ speed: this.#speed });
    return { status: 200, payload: { speed: this.#speed } };
  }

  protected override configure(desired: Readonly<Record<string, unknown>>): Reported {
    const speed = Number(desired['speed']);
    if (speed >= 100 && speed <= 3000) this.#speed = Math.round(speed);
    return { speed: this.#speed };
  }

  protected override receive(text: string): void {
    if (text === 'stop' || text === 'start') this.#running = text === 'start';
  }
}

/** An oven: its temperature is a random walk, it has states and an alarm, and its sensor fails now and then. */
export class Oven extends Machine {
  readonly properties = { temperature: 'NUMBER', state: 'STRING', alarm: 'BOOLEAN' };
  readonly shown = ['temperature', 'state', 'alarm'];
  #temperature = 180;
  #ticks = 0;

  override async open(connectionString: string, ca: string): Promise<void> {
    await super.open(connectionString, ca);
    this.offer('reset');
  }

  async tick(): Promise<void> {
    this.#ticks += 1;
    this.#temperature = Math.min(Math.max(this.#temperature + (Math.random() - 0.48) * 6, 120), 260);
    const state = ['heating', 'holding', 'cooling'][Math.floor(this.#ticks / 20) % 3];
    // A text where a number belongs: the message becomes a dead letter.
    const temperature = this.#ticks % 25 === 24 ? 'sensor fault' : rounded(this.#temperature);
    await this.send({ temperature, state, alarm: this.#temperature > 240 });
  }

  protected override command(): MethodAnswer {
    this.#temperature = 180;
    return { status: 200 };
  }
}

/** A press that sends nested JSON in units of its own. Only the mapping of the hub Thing makes properties of it. */
export class Press extends Machine {
  readonly properties = { force: 'NUMBER', cycle: 'INTEGER', oilTemperature: 'NUMBER' };
  readonly shown = ['force', 'cycle', 'oilTemperature'];
  #cycle = 0;

  async tick(): Promise<void> {
    this.#cycle += 1;
    await this.send({
      press: {
        cycle: this.#cycle,
        force: { value: Math.round(85_000 + 4_000 * Math.sin(this.#cycle / 6)), unit: 'N' },
        oil: { t10: Math.round(550 + 40 * Math.sin(this.#cycle / 30)) },
      },
    });
  }
}

/** The rule for the press: paths, a condition and scales. */
export const PRESS_MAPPING = {
  version: 1,
  rules: [
    {
      name: 'press: nested values, kN and degrees',
      when: { device: 'press-03' },
      properties: {
        force: { path: 'press.force.value', baseType: 'NUMBER', scale: 0.001 },
        cycle: { path: 'press.cycle', baseType: 'INTEGER' },
        oilTemperature: { path: 'press.oil.t10', baseType: 'NUMBER', scale: 0.1 },
      },
    },
  ],
};

/** Uploads a file as a device; resolves when the hub has been told. */
export type Upload = (deviceId: string, name: string, content: Buffer) => Promise<void>;

/** A camera that counts parts and uploads a photo when it starts and when it is asked to. */
export class Camera extends Machine {
  readonly properties = { parts: 'INTEGER', rejected: 'INTEGER' };
  readonly shown = ['parts', 'rejected'];
  readonly #upload: Upload;
  #parts = 0;
  #rejected = 0;
  #photos = 0;

  constructor(deviceId: string, upload: Upload) {
    super(deviceId);
    this.#upload = upload;
  }

  override async open(connectionString: string, ca: string): Promise<void> {
    await super.open(connectionString, ca);
    this.offer('takePhoto');
    await this.takePhoto();
  }

  async tick(): Promise<void> {
    this.#parts += 1;
    if (this.#parts % 17 === 0) this.#rejected += 1;
    await this.send({ parts: this.#parts, rejected: this.#rejected });
  }

  async takePhoto(): Promise<string> {
    this.#photos += 1;
    const name = `photos/part-${String(this.#photos).padStart(3, '0')}.png`;
    await this.#upload(this.deviceId, name, picture(this.#photos));
    return name;
  }

  protected override command(): MethodAnswer {
    void this.takePhoto();
    return { status: 202, payload: { name: `photos/part-${String(this.#photos + 1).padStart(3, '0')}.png` } };
  }
}

/** A small PNG image (ISO/IEC 15948): rings that differ from photo to photo. */
function picture(number: number): Buffer {
  const size = 96;
  const rows = Array.from({ length: size }, (_, y) => {
    const row = Buffer.alloc(1 + size * 3);
    for (let x = 0; x < size; x += 1) {
      const ring = Math.hypot(x - size / 2, y - size / 2) / (4 + (number % 5));
      row.set([128 + 100 * Math.sin(ring), 128 + 100 * Math.sin(ring + number), 160], 1 + x * 3);
    }
    return row;
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8 + body.length);
  frame.writeUInt32BE(data.length, 0);
  body.copy(frame, 4);
  frame.writeUInt32BE(crc32(body), 4 + body.length);
  return frame;
}
