/** What a session or a token gives: everything, or what the role viewer has. */
export type Access = 'full' | 'viewer';

/** The session of a browser at the console, as GET and POST /console/session give it. */
export interface ConsoleSession {
  readonly access: Access;
  /** ISO 8601. */
  readonly expiresAt: string;
}
