const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

// npm passes a Ctrl-C on to the script, which has had it from the terminal already.
const SAME_KEY_MS = 1_000;
const PARENT_CHECK_MS = 500;

/**
 * Aborted by the first Ctrl-C or its like, and when npm has been ended: a signal to npm reaches the shell between it and this script, which
 * does not pass it on. A signal that comes a second or more after the first ends this process at once, and with it its children.
 */
export function stopSignal(): AbortController {
  const stopping = new AbortController();
  let stoppedAtMs: number | undefined;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      stoppedAtMs ??= Date.now();
      if (Date.now() - stoppedAtMs >= SAME_KEY_MS) process.exit(1);
      stopping.abort();
    });
  }
  const parent = process.ppid;
  if (process.env['npm_lifecycle_event'] !== undefined)
    setInterval(() => {
      if (process.ppid !== parent) stopping.abort();
    }, PARENT_CHECK_MS).unref();
  return stopping;
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
