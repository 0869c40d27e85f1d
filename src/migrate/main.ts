import { scanArguments, type Texts } from '../inject/arguments.ts';
import { readInputs } from '../inject/inputs.ts';
import type { InjectIo } from '../inject/io.ts';
import { addDefaults, findHeaderKey } from '../inject/setting-files.ts';
import { formatHelp } from './help.ts';
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

/**
 * The command `migrate`: manifests and dumps in, a plan out.
 * @param argv what follows the name of the command.
 * @returns the exit code: 0 done; 1 the input is at fault, or with --check something depends on AAD Pod Identity; 2
 * malformed command line.
 */
export async function runMigrate(argv: readonly string[], io: InjectIo): Promise<number> {
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
  return print(plan, run, io);
}

async function print(plan: Plan, run: MigrateRun, io: InjectIo): Promise<number> {
  for (const finding of plan.findings) {
    if (finding.level === 'error') io.stderr(`migrate: error: ${formatPlaced(finding)}\n`);
  }
  try {
    await io.stdout(format(plan, run));
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    io.stderr(`migrate: standard output cannot be written: ${reason}\n`);
    return 1;
  }
  if (plan.summary.errors > 0) return 1;
  return run.isCheck && plan.summary.depending > 0 ? 1 : 0;
}

function format(plan: Plan, { output, isCheck }: MigrateRun): string {
  switch (output) {
    case 'json':
      return formatJson(plan);
    case 'markdown':
      return formatMarkdown(plan);
    case 'table':
      return isCheck ? formatCheck(plan) : formatTable(plan);
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
