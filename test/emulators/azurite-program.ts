/** Azurite's blob service. Its telemetry is off; the packages that it would use are not loaded, since they take most of the time of a start. */
import { createRequire, registerHooks } from 'node:module';

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'applicationinsights'
      ? { url: 'node:util', format: 'builtin', shortCircuit: true }
      : next(specifier, context),
});
createRequire(import.meta.url)('azurite/dist/src/blob/main.js');
