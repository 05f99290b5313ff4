import { formatTime, prettyJson, shortValue } from '../format.ts';
import type { Trial, TrialRemark, TrialValue } from '../samples.ts';
import { Note, Table } from './elements.tsx';

/** Values on their way to ThingWorx. */
export function Values({ label, values }: { label: string; values: readonly TrialValue[] }) {
  return (
    <Table
      label={label}
      rows={values}
      keyOf={({ thing, property, time }) => `${thing} ${property} ${time}`}
      empty="No values."
      columns={[
        { name: 'Thing', cell: ({ thing }) => thing },
        { name: 'Property', cell: ({ property }) => property },
        { name: 'Value', cell: ({ value }) => <code>{shortValue(value)}</code> },
        { name: 'Base type', cell: ({ baseType }) => baseType },
        { name: 'Time', cell: ({ time }) => formatTime(time) },
        { name: 'Quality', cell: ({ quality }) => quality },
      ]}
    />
  );
}

/** Values or messages that are left out or refused, with code and reason. */
export function Remarks({ label, remarks }: { label: string; remarks: readonly TrialRemark[] }) {
  return (
    <Table
      label={label}
      rows={remarks}
      keyOf={({ code, thing, property, reason }) => `${code} ${thing} ${property} ${reason}`}
      empty="None."
      columns={[
        { name: 'Code', cell: ({ code }) => code },
        { name: 'Reason', cell: ({ reason }) => reason },
        { name: 'Thing', cell: ({ thing }) => thing ?? '' },
        { name: 'Property', cell: ({ property }) => property ?? '' },
      ]}
    />
  );
}

/** What TestMapping says that a message would do. */
export function TrialView({ trial }: { trial: Trial }) {
  if (trial.problems.length > 0) {
    return (
      <Note tone="bad">
        <ul>
          {trial.problems.map(({ pointer, message }) => (
            <li key={pointer + message}>
              <code>{pointer}</code> {message}
            </li>
          ))}
        </ul>
      </Note>
    );
  }
  return (
    <>
      <p>
        {trial.rule === undefined
          ? 'No rule takes the message; the defaults apply.'
          : `The message is taken by: ${trial.rule}`}
      </p>
      <Values label="Values" values={trial.values} />
      {trial.refused.length > 0 && (
        <>
          <h4>Refused: the message goes to the dead-letter store</h4>
          <Remarks label="Refused" remarks={trial.refused} />
        </>
      )}
      {trial.ignored.length > 0 && (
        <>
          <h4>Ignored</h4>
          <Remarks label="Ignored" remarks={trial.ignored} />
        </>
      )}
      {trial.created.length > 0 && (
        <>
          <h4>Created first</h4>
          <ul>
            {trial.created.map((creation) => (
              <li key={JSON.stringify(creation)}>
                {String(creation['kind'])} {String(creation['thing'])} {String(creation['property'] ?? '')}
              </li>
            ))}
          </ul>
        </>
      )}
      {trial.events.length > 0 && (
        <>
          <h4>Notifications</h4>
          <pre>{prettyJson(trial.events)}</pre>
        </>
      )}
    </>
  );
}
