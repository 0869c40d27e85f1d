import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { guardExtraCaFile } from '../shared/extra-ca-guard.ts';
import { scanFlags } from '../shared/flags.ts';
import { createLineWriter, writeStderr } from '../shared/stderr.ts';
import { formatVersion } from '../shared/version-line.ts';
import { hasCapability } from './capabilities.ts';
import { createRunCommand } from './command.ts';
import { type InitConfig, type OutputSettings, toInitConfig, toOutputSettings } from './config.ts';
import { toInitFailure } from './failures.ts';
import { formatHelp } from './help.ts';
import { createIptablesBackend } from './iptables-backend.ts';
import { createLogger } from './log.ts';
import { withNamespaceLock } from './namespace-lock.ts';
import { createNftBackend } from './nft-backend.ts';
import {
  applyRedirect,
  checkRedirect,
  formatRules,
  removeRedirect,
  type Tools,
} from './operations.ts';
import { initOptions } from './options.ts';
import { reportFailure } from './report.ts';

const writeStdout = createLineWriter(1);

/** Longer than any one run should take, so that many at once all get their turn. */
const namespaceLockWaitSeconds = 30;

type Command = (config: InitConfig, output: OutputSettings) => Promise<void>;

const commands: ReadonlyMap<string, Command> = new Map([
  ['apply', locked(applyRedirect)],
  ['check', locked(checkRedirect)],
  ['remove', locked((_, tools) => removeRedirect(tools))],
  ['print', async (config) => writeStdout(formatRules(config))],
]);

async function run(argv: readonly string[]): Promise<number> {
  const leading = argv.slice(0, argv[0]?.startsWith('-') === false ? 1 : 0);
  const scan = scanFlags(initOptions, argv.slice(leading.length));
  if (scan.kind === 'help') {
    writeStdout(formatHelp());
    return 0;
  }
  if (scan.kind === 'usage') return rejectUsage(scan.error);
  if (scan.texts.get('version') === 'true') {
    writeStdout(formatVersion());
    return 0;
  }
  const [name = 'apply', ...rest] = [...leading, ...scan.rest];
  const command = commands.get(name);
  if (command === undefined) return rejectUsage(`unknown command ${name}`);
  if (rest.length > 0) return rejectUsage(`unexpected argument ${rest[0]}`);

  const output = toOutputSettings(scan.texts, process.env);
  try {
    await command(toInitConfig(scan.texts, process.env), output);
    return 0;
  } catch (error) {
    const failure = toInitFailure(error);
    reportFailure(failure, output, createLogger(output.format, output.level, writeStderr));
    return failure.exitCode;
  }
}

function rejectUsage(error: string): number {
  writeStderr(`proxy-init: ${error}\n\n${formatHelp()}`);
  return 2;
}

/** Runs an operation while no other proxy-init works in this network namespace. */
function locked(operation: (config: InitConfig, tools: Tools) => Promise<void>): Command {
  return (config, output) =>
    withNamespaceLock(namespaceLockWaitSeconds, () =>
      operation(config, createTools(config, output)),
    );
}

function createTools({ lockWaitSeconds }: InitConfig, { format, level }: OutputSettings): Tools {
  const log = createLogger(format, level, writeStdout);
  const runCommand = createRunCommand(process.env, log);
  // With a read-only root, /dev/shm is often the one place that can be written.
  const lockDirectories = [tmpdir(), '/dev/shm'];
  const options = { lockWaitSeconds, lockDirectories, readLegacyTables, hasCapability };
  return {
    backends: [
      createIptablesBackend('nft', runCommand, options),
      createNftBackend(runCommand),
      createIptablesBackend('legacy', runCommand, options),
    ],
    // Only Windows has neither.
    credentials: { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 },
    log,
  };
}

/** The file is absent where the kernel part was never loaded. */
function readLegacyTables(): Promise<string> {
  return readFile('/proc/net/ip_tables_names', 'utf8').catch(() => '');
}

guardExtraCaFile(process.env);

run(process.argv.slice(2)).then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (error: unknown) => {
    writeStderr(`proxy-init: ${error}\n`);
    process.exitCode = 1;
  },
);
