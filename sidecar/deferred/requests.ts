/** What a subscription of a Thing asks for without waiting for Azure. The Thing is told by ReceiveEvents what became of it. */
export type DeferredRequest = TwinChangeRequest | MessageRequest | ModulesRequest;

interface OfDevice {
  readonly thing: string;
  readonly deviceId: string;
}

/** Somebody has set a twin property. */
export interface TwinChangeRequest extends OfDevice {
  readonly kind: 'twinChange';
  readonly section: 'desired' | 'tags';
  /** The value of the property before, and now. */
  readonly before: Readonly<Record<string, unknown>>;
  readonly after: Readonly<Record<string, unknown>>;
}

/** Values to be sent in a cloud-to-device message. */
export interface MessageRequest extends OfDevice {
  readonly kind: 'message';
  readonly messageId: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly properties?: Readonly<Record<string, string>>;
  readonly correlationId?: string;
  readonly ack?: 'none' | 'positive' | 'negative' | 'full';
  /** ms since 1970. */
  readonly expiresAtMs?: number;
}

/** edgeAgent has reported something. */
interface ModulesRequest extends OfDevice {
  readonly kind: 'modules';
}
