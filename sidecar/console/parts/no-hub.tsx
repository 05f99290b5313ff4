import { Note } from './elements.tsx';

/** Shown where a page works on a hub and none is connected. */
export function NoHub() {
  const address = window.location.origin;
  return (
    <Note tone="warning">
      <p>
        <strong>No hub Thing is connected to this sidecar.</strong>
      </p>
      <ol>
        <li>In ThingWorx, create a Thing from the Thing Template AzureIoT.Hub_TT.</li>
        <li>
          Set its properties <code>sidecarUrl</code> = <code>{address}</code>, <code>sidecarToken</code> and{' '}
          <code>iotHubConnectionString</code>.
        </li>
        <li>
          Call its service <code>Connect</code>. This page shows the hub when it has arrived.
        </li>
      </ol>
    </Note>
  );
}
