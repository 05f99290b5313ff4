const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

// npm passes a Ctrl-C on to the script, which has had it from the terminal already.
const SAME_KEY_MS = 1_000;

/** Aborted by the first Ctrl-C or its like. One that comes a second or more later ends this process at once, and with it its children. */
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
  return stopping;
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
