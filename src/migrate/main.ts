import { scanArguments, type Texts } from '../inject/arguments.ts';
import { type Input, readInputs, type Unread } from '../inject/inputs.ts';
import type { InjectIo } from '../inject/io.ts';
import { addDefaults, findHeaderKey } from '../inject/setting-files.ts';
import { formatHelp } from './help.ts';
import type { MigrateIo } from './io.ts';
import { migrateOptions } from './options.ts';
import { formatCheck } from './output/check.ts';
import { formatJson } from './output/json.ts';
import { formatMarkdown } from './output/markdown.ts';
import { formatTable } from './output/table.ts';
import { formatPlaced } from './output/text.ts';
import { type MigrateRun, parseMigrate } from './parse-command.ts';
import { makePlan } from './plan/make-plan.ts';
import type { Plan } from './plan.ts';
import { readCluster } from './read/read-cluster.ts';
import { changeInputs, writePlan } from './write-plan.ts';

/**
 * The command `migrate`: manifests and dumps in, a plan out.
 * @param argv what follows the name of the command.
 * @returns the exit code: 0 done; 1 the input is at fault, or with --check something depends on AAD Pod Identity; 2
 * malformed command line.
 */
export async function runMigrate(argv: readonly string[], io: MigrateIo): Promise<number> {
  const scan = scanArguments(migrateOptions, argv);
  if (scan.kind === 'help') {
    await io.stdout(formatHelp());
    return 0;
  }
  if (scan.kind === 'usage') return rejectUsage([scan.error], io);
  const names = [...(scan.texts.get('file') ?? []), ...scan.files];
  const defaults = await addDefaults({ texts: scan.texts, names }, undefined, io);
  if ('errors' in defaults) return rejectUsage(defaults.errors, io);
  const texts = toMigrateTexts(defaults.texts, scan.texts);
  const headerKey = await findHeaderKey(texts, io);
  if (typeof headerKey === 'object') return rejectUsage([headerKey.error], io);
  const parsed = parseMigrate(texts, scan.files, headerKey);
  if (!parsed.ok) return rejectUsage(parsed.errors, io);
  const run = parsed.value;
  if (run.names.length === 0 && !io.isStdinPiped) {
    return rejectUsage(['name a file or folder, or pipe the output of kubectl get in'], io);
  }
  const inputs = await readInputs(run.names.length === 0 ? ['-'] : run.names, io, defaults.file);
  const plan = makePlan(readCluster(inputs, run.read), run.plan);
  return act(plan, inputs, run, io);
}

async function act(
  plan: Plan,
  inputs: readonly (Input | Unread)[],
  run: MigrateRun,
  io: MigrateIo,
): Promise<number> {
  const errors = plan.findings.filter(({ level }) => level === 'error');
  for (const finding of errors) io.stderr(`migrate: error: ${formatPlaced(finding)}\n`);
  const { action } = run;
  switch (action.kind) {
    case 'print':
    case 'check':
      return print(plan, run, io);
    case 'write':
    case 'change': {
      if (errors.length > 0) {
        io.stderr('migrate: nothing was written; correct the input first\n');
        return 1;
      }
      if (action.kind === 'write') return writePlan(plan, action.folder, run, io);
      const readable = inputs.filter((input) => 'text' in input);
      return changeInputs(plan, readable, run, io);
    }
  }
}

async function print(plan: Plan, run: MigrateRun, io: MigrateIo): Promise<number> {
  try {
    await io.stdout(format(plan, run));
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    io.stderr(`migrate: standard output cannot be written: ${reason}\n`);
    return 1;
  }
  if (plan.summary.errors > 0) return 1;
  return run.action.kind === 'check' && plan.summary.depending > 0 ? 1 : 0;
}

function format(plan: Plan, { output, action }: MigrateRun): string {
  switch (output) {
    case 'json':
      return formatJson(plan);
    case 'markdown':
      return formatMarkdown(plan);
    case 'table':
      return action.kind === 'check' ? formatCheck(plan) : formatTable(plan);
  }
}

/** For `inject` the webhook is present unless it is said to be absent; here that would mean that it adds the containers. */
function toMigrateTexts(all: Texts, flags: Texts): Texts {
  if (flags.has('webhook') || all.get('webhook')?.at(-1) !== 'present') return all;
  return new Map([...all].filter(([key]) => key !== 'webhook'));
}

function rejectUsage(errors: readonly string[], io: InjectIo): number {
  for (const error of errors) io.stderr(`migrate: ${error}\n`);
  io.stderr('See migrate --help.\n');
  return 2;
}
