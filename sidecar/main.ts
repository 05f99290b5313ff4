import { check, renderSteps } from './commands/check.ts';
import { readCommandLine } from './commands/command-line.ts';
import { health } from './commands/health.ts';
import { buildModels } from './commands/model.ts';
import { run } from './commands/run.ts';
import { applyConfig } from './configuration/apply.ts';
import { exportConfig } from './configuration/export.ts';
import { toConnectorError } from './errors/connector-error.ts';
import { trustExtraAuthorities } from './lib/authorities.ts';
import { redact } from './observe/log.ts';
import { SourcePositions } from './observe/source-positions.ts';
import { probe } from './probe/probe.ts';
import { setup } from './setup/setup.ts';
import { VERSION } from './version.ts';

const terminal = { input: process.stdin, output: process.stdout };

/** Does what the command line asks for. Gives the exit code. */
async function main(): Promise<number> {
  const command = readCommandLine(process.argv.slice(2));
  trustExtraAuthorities(process.env);
  switch (command.name) {
    case 'help':
      process.stdout.write(command.text);
      return 0;
    case 'version':
      process.stdout.write(`${VERSION}\n`);
      return 0;
    case 'check':
      return (await check(process.env, process.stdout)) ? 0 : 1;
    case 'health':
      await health(process.env);
      return 0;
    case 'run':
      await run();
      return 0;
    case 'model':
      await buildModels(command.operands, command.options, process.stdout);
      return 0;
    case 'probe':
      await probe(command.options, process.env, terminal);
      return 0;
    case 'export-config':
      await exportConfig(command.options, process.env, terminal, process.stderr);
      return 0;
    case 'apply-config':
      return applyConfig(command.operands, command.options, process.env, terminal);
    case 'setup': {
      const { check: steps } = await setup(command.options, process.env, terminal);
      if (steps) process.stdout.write(renderSteps(steps));
      return steps?.some(({ outcome }) => outcome === 'failed') ? 1 : 0;
    }
  }
}

try {
  process.exitCode = await main();
} catch (thrown) {
  const error = toConnectorError(thrown);
  const cause =
    error.code === 'INTERNAL' && thrown instanceof Error
      ? ` ${new SourcePositions(import.meta.url).inSources(thrown.stack ?? '')}`
      : '';
  process.stderr.write(redact(`azure-iot-sidecar: ${error.code}: ${error.message}${cause}\n`));
  process.exitCode = 1;
}
// The SDK can leave a timer behind when the service has cut a link; nothing of ours is open any more.
process.exit();
