import { call, route } from '../api.ts';
import { formatTime, prettyJson } from '../format.ts';
import { addressOf, useLoaded } from '../hooks.ts';
import { keepSample, type LetterDetail, sampleOfLetter } from '../samples.ts';
import { Dialog, Facts, ProblemNote } from './elements.tsx';
import { Remarks } from './message-view.tsx';

/** One dead letter, whole. */
export function LetterDialog({ hub, id, onClose }: { hub: string; id: string; onClose: () => void }) {
  const { value: letter, problem } = useLoaded<LetterDetail>(
    (signal) => call('GET', route(['hubs', hub, 'dead-letters', id]), undefined, signal),
    [hub, id],
  );
  return (
    <Dialog title="Dead letter" onClose={onClose}>
      <ProblemNote problem={problem} />
      {letter && (
        <>
          <Remarks label="Reasons" remarks={letter.reasons} />
          <h3>Body</h3>
          <pre>{letter.body === undefined ? `base64: ${letter.bodyBase64}` : prettyJson(letter.body)}</pre>
          <div class="buttons">
            <button
              type="button"
              class="primary"
              onClick={() => {
                keepSample(sampleOfLetter(letter));
                window.location.hash = addressOf('mappings');
              }}
            >
              Use as sample in Mappings
            </button>
          </div>
          <Facts
            facts={[
              ['Device', letter.moduleId ? `${letter.deviceId} / ${letter.moduleId}` : letter.deviceId],
              ['Source', letter.source],
              ['Enqueued', formatTime(letter.enqueuedTime)],
              ['Stored', formatTime(letter.storedAt)],
              ['Content type', letter.contentType ?? 'none'],
              ['Content encoding', letter.contentEncoding ?? 'none'],
              ['Partition', letter.partition],
              ['Sequence number', letter.sequenceNumber],
              ['Id', letter.id],
            ]}
          />
          <h3>Application properties</h3>
          <pre>{prettyJson(letter.applicationProperties)}</pre>
          <h3>System properties</h3>
          <pre>{prettyJson(letter.systemProperties)}</pre>
        </>
      )}
    </Dialog>
  );
}
