import { compile } from '../shared/compile-cached.ts';
import { guardExtraCaFile } from '../shared/extra-ca-guard.ts';
import { createJsonLogger } from '../shared/json-log.ts';
import type { LogFields } from '../shared/logger.ts';
import type { Environment } from '../shared/options.ts';
import { createLineWriter, writeStderr } from '../shared/stderr.ts';
import { redactTokens } from '../shared/untrusted-text.ts';
import { systemClock } from './clock.ts';
import { tellKubelet } from './process/last-message.ts';
import { runProbe } from './process/ready-probe.ts';
import { watchSignals } from './process/signals.ts';
import type { ContainFault } from './serve.ts';

/**
 * Reads the first argument and loads only the code of that command: the server must not carry the code
 * of `--help`. The probe is part of this file, because the kubelet runs it in every pod and loading another
 * file would cost it 4 %.
 * @returns the exit code: 0 done, 1 cannot continue, 2 malformed command line
 */
async function run(argv: readonly string[], env: Environment): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name.startsWith('-')) return probeOrServe(argv, env);
  switch (name) {
    case 'serve':
      return probeOrServe(rest, env);
    case 'inject':
    case 'uninject':
    case 'migrate':
      return changeOrPlan(name, rest);
    case 'doctor':
      return examine(rest, env);
    case 'issuer':
      return writeIssuerDocuments(rest);
    default:
      return rejectUsage(`unknown command ${JSON.stringify(name)}`);
  }
}

async function probeOrServe(argv: readonly string[], env: Environment): Promise<number> {
  // Only a glance, to cost the server nothing: the probe reads the command line properly.
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
      tellKubelet(`Malformed command line: ${started.error}`, env);
      return rejectUsage(started.error);
    case 'invalid':
      for (const error of started.errors) writeStderr(`proxy: ${error}\n`);
      tellKubelet(started.errors.join('\n'), env);
      return giveUp({ error: `setup: ${started.errors.join('\n')}` });
  }
}

async function changeOrPlan(
  name: 'inject' | 'uninject' | 'migrate',
  argv: readonly string[],
): Promise<number> {
  const { runWithLargeHeap } = await import('../shared/large-heap.ts');
  return runWithLargeHeap([name, ...argv], async () => {
    if (name === 'migrate') {
      const { runMigrateCommand } = await import('../migrate/command.ts');
      return runMigrateCommand(argv);
    }
    const { runInjectCommand } = await import('../inject/command.ts');
    return runInjectCommand(name, argv);
  });
}

async function examine(argv: readonly string[], env: Environment): Promise<number> {
  const { runDoctor } = await import('../doctor/command.ts');
  return runDoctor(argv, env);
}

async function writeIssuerDocuments(argv: readonly string[]): Promise<number> {
  const { runIssuer } = await import('../issuer/command.ts');
  return runIssuer(argv);
}

async function printHelp(): Promise<number> {
  const { formatHelp } = await import('./process/help.ts');
  createLineWriter(1)(formatHelp());
  return 0;
}

async function printVersion(): Promise<number> {
  const { formatVersion } = await import('../shared/version-line.ts');
  createLineWriter(1)(formatVersion());
  return 0;
}

async function rejectUsage(error: string): Promise<number> {
  const { formatUsage } = await import('./process/help.ts');
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
  const error = describeStartError(thrown);
  tellKubelet(error, process.env);
  return giveUp({ error });
}

/** Decides about a fault that nothing caught. Before the server runs, every fault ends the process. */
let containFault: ContainFault = () => false;

// An unhandled rejection arrives here as well.
process.on('uncaughtException', (error: unknown) => {
  if (containFault(error)) return;
  const stack =
    error instanceof Error && error.stack !== undefined ? redactTokens(error.stack) : undefined;
  tellKubelet(`Unrecoverable error: ${String(error)}`, process.env);
  process.exit(giveUp({ error: redactTokens(String(error)), stack }));
});

guardExtraCaFile(process.env);

// If the event loop becomes empty before there is an exit code, something has failed.
process.exitCode = 1;
void run(process.argv.slice(2), process.env)
  .catch(giveUpOn)
  .then((exitCode) => process.exit(exitCode));
