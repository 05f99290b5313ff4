import { Receiver } from 'rhea-promise';

type AddCredit = (this: Receiver, credit: number) => void;

const BOUNDED = Symbol.for('azure-iot-sidecar.bounded-credit');

/**
 * Bounds the AMQP link credit that @azure/event-hubs hands out (Azure/azure-sdk-for-js#39452).
 *
 * Its partition receiver calls `addCredit(prefetch - queued)` at every receive cycle and never looks at the credit that is still
 * outstanding. Under a trickle of events the credit grows without end (measured: 169,000 after 20 s), and a handler that then blocks
 * gets the whole backlog into memory. The number it passes is what it wants to be outstanding, so that is what this makes of it.
 *
 * The method is a public one of rhea-promise; replacing it on the prototype reaches the receivers that the SDK creates inside. Only
 * receivers whose credit is handed out by hand are affected, which in this program are the SDK's partition receivers. Goes away when the
 * SDK counts outstanding credit itself; test/azure/credit.test.ts shows whether it does.
 */
export function boundReceiverCredit(): void {
  const prototype = Receiver.prototype as Receiver & { [BOUNDED]?: true };
  if (prototype[BOUNDED]) return;
  const addCredit: AddCredit = prototype.addCredit;
  prototype.addCredit = function (this: Receiver, wanted: number): void {
    const missing = wanted - Math.max(this.credit, 0);
    if (missing > 0) addCredit.call(this, missing);
  };
  Object.defineProperty(prototype, BOUNDED, { value: true });
}
