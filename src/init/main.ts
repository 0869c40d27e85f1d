import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { guardExtraCaFile } from '../shared/extra-ca-guard.ts';
import { scanFlags } from '../shared/flags.ts';
import type { Logger } from '../shared/logger.ts';
import { createLineWriter, writeStderr } from '../shared/stderr.ts';
import { formatVersion } from '../shared/version-line.ts';
import { createIptablesBackend } from './backends/iptables.ts';
import { createNft, createNftBackend } from './backends/nft.ts';
import { createRunProgram } from './backends/program.ts';
import { type InitConfig, type OutputSettings, toInitConfig, toOutputSettings } from './config.ts';
import { toInitFailure } from './failures.ts';
import { formatHelp, initOptions } from './options.ts';
import { createLogger, reportFailure, tellKubelet } from './output.ts';
import { lockWaitSeconds, withNamespaceLock } from './steps/lock.ts';
import {
  applyRedirect,
  checkRedirect,
  formatRules,
  removeRedirect,
  type Tools,
} from './steps/operations.ts';

const writeStdout = createLineWriter(1);

/** @returns the result for the status of the pod */
type Operation = (config: InitConfig, output: OutputSettings) => Promise<string | undefined>;

const operations: ReadonlyMap<string, Operation> = new Map([
  ['apply', locked(applyRedirect)],
  ['check', locked(checkRedirect)],
  ['remove', locked((_, tools) => removeRedirect(tools))],
  [
    'print',
    async (config) => {
      writeStdout(formatRules(config));
      return undefined;
    },
  ],
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
  const operation = operations.get(name);
  if (operation === undefined) return rejectUsage(`unknown command ${name}`);
  if (rest.length > 0) return rejectUsage(`unexpected argument ${rest[0]}`);

  const output = toOutputSettings(scan.texts, process.env);
  const log = createLogger(output.format, output.level, writeStderr);
  try {
    const message = await operation(toInitConfig(scan.texts, process.env), output);
    if (message !== undefined) tellKubelet({ message }, output.terminationLog, log);
    return 0;
  } catch (error) {
    const failure = toInitFailure(error);
    reportFailure(failure, output, log);
    return failure.exitCode;
  }
}

function rejectUsage(error: string): number {
  writeStderr(`proxy-init: ${error}\n\n${formatHelp()}`);
  return 2;
}

/** Runs an operation while no other proxy-init works in this network namespace. */
function locked(work: (config: InitConfig, tools: Tools) => Promise<string>): Operation {
  return (config, { format, level }) => {
    const log = createLogger(format, level, writeStdout);
    const lock = { command: ['nft'] as const, env: process.env, log };
    return withNamespaceLock(lockWaitSeconds, lock, () => work(config, createTools(config, log)));
  };
}

function createTools({ lockWaitSeconds: xtablesWaitSeconds }: InitConfig, log: Logger): Tools {
  const run = createRunProgram(process.env, log);
  const nft = createNft(run);
  // With a read-only root, /dev/shm is often the one place that can be written.
  const lockDirectories = [tmpdir(), '/dev/shm'];
  const options = {
    lockWaitSeconds: xtablesWaitSeconds,
    lockDirectories,
    readLegacyTables,
    hasCapability,
  };
  return {
    backends: [
      createIptablesBackend('nft', run, options),
      createNftBackend(nft),
      createIptablesBackend('legacy', run, options),
    ],
    nft,
    run,
    // Only Windows has neither.
    credentials: { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 },
    log,
  };
}

/** The file is absent if the kernel part was never loaded. */
function readLegacyTables(): Promise<string> {
  return readFile('/proc/net/ip_tables_names', 'utf8').catch(() => '');
}

/** The bits of capabilities(7). */
const capabilityBits = { NET_ADMIN: 12n, NET_RAW: 13n } as const;

/** Whether this process holds a capability. */
function hasCapability(name: keyof typeof capabilityBits): boolean {
  const status = readFileSync('/proc/self/status', 'utf8');
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> capabilityBits[name]) & 1n) === 1n;
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
