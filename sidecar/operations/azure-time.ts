/**
 * A time of IoT Hub as a member of an answer, or nothing: it says the year 1 or 9999 for never, and leaves out the zone at times.
 */
export function azureTime<N extends string>(name: N, text: string | undefined): { [K in N]?: string } {
  const isNever = !text || text.startsWith('0001-') || text.startsWith('9999-');
  const ms = isNever ? Number.NaN : Date.parse(/(Z|[+-]\d{2}:\d{2})$/.test(text) ? text : `${text}Z`);
  return (Number.isNaN(ms) ? {} : { [name]: new Date(ms).toISOString() }) as { [K in N]?: string };
}
