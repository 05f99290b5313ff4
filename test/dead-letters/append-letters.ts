/** Appends letters until it is killed, and says of each batch when it is durable. For the test that kills it. */
import { BlobDeadLetterStore } from '../../sidecar/dead-letters/blob-store.ts';
import { FileDeadLetterStore } from '../../sidecar/dead-letters/file-store.ts';
import { letter, listeningLog } from './letters.ts';

const [place = '', first = '0'] = process.argv.slice(2);
const segmentBytes = 20_000;
const store = place.includes('AccountKey=')
  ? new BlobDeadLetterStore({ connection: place, container: 'killed', hubThing: 'hub', segmentBytes })
  : new FileDeadLetterStore({ directory: place, log: listeningLog().log, segmentBytes });
for (let number = Number(first); ; number += 5) {
  const batch = Array.from({ length: 5 }, (_, i) => letter(number + i));
  await store.append(batch);
  if (number % 3 === 0) await store.delete([letter(number).id]);
  process.stdout.write(`${number}\n`);
}
