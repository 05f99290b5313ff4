/**
 * The partition of a partition key, by Bob Jenkins' lookup3 hash with both seeds 0, folded to 16 bits: the scheme that
 * the Event Hubs SDKs publish for their buffered producers, so that they agree with the service. That IoT Hub hashes
 * the device id in the same way is assumed; only that one device always has one partition is documented.
 */
export function partitionOf(key: string, partitionCount: number): number {
  const [primary, secondary] = lookup3(Buffer.from(key, 'utf8'));
  const folded = ((primary ^ secondary) << 16) >> 16;
  return Math.abs(folded % partitionCount);
}

function lookup3(data: Buffer): [number, number] {
  let a = (0xdeadbeef + data.length) | 0;
  let b = a;
  let c = a;
  let index = 0;
  let left = data.length;
  while (left > 12) {
    a = (a + data.readInt32LE(index)) | 0;
    b = (b + data.readInt32LE(index + 4)) | 0;
    c = (c + data.readInt32LE(index + 8)) | 0;
    a = ((a - c) ^ rotate(c, 4)) | 0;
    c = (c + b) | 0;
    b = ((b - a) ^ rotate(a, 6)) | 0;
    a = (a + c) | 0;
    c = ((c - b) ^ rotate(b, 8)) | 0;
    b = (b + a) | 0;
    a = ((a - c) ^ rotate(c, 16)) | 0;
    c = (c + b) | 0;
    b = ((b - a) ^ rotate(a, 19)) | 0;
    a = (a + c) | 0;
    c = ((c - b) ^ rotate(b, 4)) | 0;
    b = (b + a) | 0;
    index += 12;
    left -= 12;
  }
  if (left === 0) return [c, b];
  const tail = Buffer.alloc(12);
  data.copy(tail, 0, index);
  a = (a + tail.readInt32LE(0)) | 0;
  b = (b + tail.readInt32LE(4)) | 0;
  c = (c + tail.readInt32LE(8)) | 0;
  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  c = ((c ^ b) - rotate(b, 24)) | 0;
  return [c, b];
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
