import { compile } from '../shared/compile-cached.ts';
import { guardExtraCaFile } from '../shared/extra-ca-guard.ts';
import { createJsonLogger } from '../shared/json-log.ts';
import type { LogFields } from '../shared/logger.ts';
import type { Environment } from '../shared/options.ts';
import { createLineWriter, writeStderr } from '../shared/stderr.ts';
import { systemClock } from './clock.ts';
import { runProbe } from './probe.ts';
import { watchSignals } from './process/signals.ts';
import type { ContainFault } from './serve.ts';

/**
 * Decides what the program is to do and loads that and nothing else: what serves must not carry what only
 * answers `--help`. The probe is part of this file, because the kubelet runs it in every pod and a file of
 * its own would cost it 4 %. Exit codes: 0 done, 1 cannot go on, 2 malformed command line.
 */
type Command = (argv: readonly string[], env: Environment) => Promise<number>;

const commands: Readonly<Record<string, Command>> = {
  serve,
  inject: (argv) => filterManifests('inject', argv),
  uninject: (argv) => filterManifests('uninject', argv),
};

async function run(argv: readonly string[], env: Environment): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name.startsWith('-')) return serve(argv, env);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  return command === undefined
    ? rejectUsage(`unknown command ${JSON.stringify(name)}`)
    : command(rest, env);
}

async function serve(argv: readonly string[], env: Environment): Promise<number> {
  // A glance, so that a server is not kept by it: the probe reads the command line properly.
  if (argv.some((argument) => /^--?probe(?:=|$)/.test(argument))) {
    const exitCode = await runProbe(argv, env);
    if (exitCode !== undefined) return exitCode;
  }

  const onSignal = watchSignals(process);
  const { start } = compile(
    `${__dirname}/proxy-start.js`,
    require,
  ).run() as typeof import('./start.ts');
  const started = await start(argv, env, {
    onFault(contain) {
      containFault = contain;
    },
    onSignal,
  });
  switch (started.kind) {
    case 'exited':
      return started.exitCode;
    case 'help':
      return printHelp();
    case 'version':
      return printVersion();
    case 'usage':
      return rejectUsage(started.error);
    case 'invalid':
      for (const error of started.errors) writeStderr(`proxy: ${error}\n`);
      return giveUp({ error: `setup: ${started.errors.join('\n')}` });
  }
}

async function filterManifests(
  name: 'inject' | 'uninject',
  argv: readonly string[],
): Promise<number> {
  const { runInjectCommand } = await import('../inject/command.ts');
  return runInjectCommand(name, argv);
}

async function printHelp(): Promise<number> {
  const { formatHelp } = await import('./help.ts');
  createLineWriter(1)(formatHelp());
  return 0;
}

async function printVersion(): Promise<number> {
  const { formatVersion } = await import('../shared/version-line.ts');
  createLineWriter(1)(formatVersion());
  return 0;
}

async function rejectUsage(error: string): Promise<number> {
  const { formatUsage } = await import('./help.ts');
  writeStderr(`proxy: ${error}\n\n${formatUsage()}`);
  return 2;
}

/** Logs, in upstream's words, why the process ends. */
function giveUp(fields: LogFields): number {
  const logger = createJsonLogger({
    level: 'error',
    name: 'proxy',
    write: writeStderr,
    clock: systemClock,
  });
  logger.log('error', 'unrecoverable error encountered', fields);
  return 1;
}

async function giveUpOn(thrown: unknown): Promise<number> {
  const { describeStartError } = await import('./config/start-error.ts');
  return giveUp({ error: describeStartError(thrown) });
}

/** What the server makes of a fault that nothing caught; before it runs, any ends the process. */
let containFault: ContainFault = () => false;

// An unhandled rejection comes here as well.
process.on('uncaughtException', (error: unknown) => {
  if (containFault(error)) return;
  const stack = error instanceof Error ? error.stack : undefined;
  process.exit(giveUp({ error: String(error), stack }));
});

guardExtraCaFile(process.env);

// Whatever leaves the event loop empty before an answer has been found is a failure.
process.exitCode = 1;
void run(process.argv.slice(2), process.env)
  .catch(giveUpOn)
  .then((exitCode) => process.exit(exitCode));
