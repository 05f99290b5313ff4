/** Appends letters until it is killed, and says of each batch when it is durable. For the test that kills it. */
import { FileDeadLetterStore } from '../../sidecar/dead-letters/file-store.ts';
import { letter, listeningLog } from './letters.ts';

const [directory = '', first = '0'] = process.argv.slice(2);
const store = new FileDeadLetterStore({ directory, log: listeningLog().log, segmentBytes: 20_000 });
for (let number = Number(first); ; number += 5) {
  const batch = Array.from({ length: 5 }, (_, i) => letter(number + i));
  await store.append(batch);
  if (number % 3 === 0) await store.delete([letter(number).id]);
  process.stdout.write(`${number}\n`);
}
