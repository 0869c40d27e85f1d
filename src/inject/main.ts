import { filterManifests } from './filter.ts';
import type { Filtered } from './filter-document.ts';
import { formatHelp } from './help.ts';
import { type Input, type MissingInput, readInputs } from './inputs.ts';
import type { InjectIo } from './io.ts';
import { type CommandName, parseCommand } from './parse-command.ts';
import { type Finding, formatFinding, formatSummary } from './report.ts';

/**
 * The commands `inject` and `uninject`: manifests in, manifests out, and a report on standard error.
 * @param argv what follows the name of the command.
 * @returns the exit code: 0 done, 1 a document or an input is at fault, 2 malformed command line.
 * @throws what printing the help throws.
 */
export async function runInject(
  argv: readonly string[],
  io: InjectIo,
  name: CommandName,
): Promise<number> {
  const command = parseCommand(name, argv);
  if (command.kind === 'help') {
    await io.stdout(formatHelp(name));
    return 0;
  }
  if (command.kind === 'usage') return rejectUsage(command.errors, io, name);
  const { names, action, only, inPlace, dryRun } = command;
  if (names.length === 0 && !io.isStdinPiped) {
    return rejectUsage(['name a file or folder, or pipe manifests in'], io, name);
  }

  const read = await readInputs(names.length === 0 ? ['-'] : names, io);
  const inputs = read.filter((input) => 'text' in input);
  const missing = read.filter((input) => 'error' in input);
  const { files: filtered, unmatched } = filterManifests(
    inputs.map(({ text }) => text),
    action,
    only,
  );
  const findings = [...missing.map(toFinding), ...report(inputs, filtered, io)];
  for (const { name: input, error } of missing) io.stderr(`${input}: error: ${error}\n`);
  for (const { text } of unmatched) {
    const error = `--only names ${text}, which is not in the input`;
    findings.push(toFinding({ name, error }));
    io.stderr(`${name}: error: ${error}\n`);
  }
  if (findings.length === 0) {
    io.stderr(`${name}: error: there is no Kubernetes object in the input\n`);
    return 1;
  }

  if (!dryRun && inPlace) findings.push(...(await writeBack(inputs, filtered, io)));
  else if (!dryRun) findings.push(...(await print(filtered, io)));
  io.stderr(formatSummary(findings));
  return findings.some(({ outcome }) => outcome.kind === 'failed') ? 1 : 0;
}

function rejectUsage(errors: readonly string[], io: InjectIo, name: CommandName): number {
  for (const error of errors) io.stderr(`${name}: ${error}\n`);
  io.stderr(`See ${name} --help.\n`);
  return 2;
}

function report(
  inputs: readonly Input[],
  filtered: readonly Filtered[],
  io: InjectIo,
): readonly Finding[] {
  return filtered.flatMap(({ findings }, index) => {
    for (const finding of findings) io.stderr(formatFinding(inputs[index]?.name ?? '', finding));
    return findings;
  });
}

function toFinding({ error }: MissingInput): Finding {
  return { place: undefined, subject: undefined, outcome: { kind: 'failed', error }, notes: [] };
}

/** One stream of documents. A file on its own stays as it is. */
function joinFiles(texts: readonly string[]): string {
  return texts.reduce((stream, text) => {
    if (stream === '' || text === '') return stream + text;
    const ended = stream.endsWith('\n') ? stream : `${stream}\n`;
    return text.startsWith('---') ? ended + text : `${ended}---\n${text}`;
  }, '');
}

async function print(filtered: readonly Filtered[], io: InjectIo): Promise<readonly Finding[]> {
  try {
    await io.stdout(joinFiles(filtered.map(({ text }) => text)));
    return [];
  } catch (thrown) {
    return [reportUnwritten('stdout', thrown, io)];
  }
}

/** Writes the files that changed, and tells which could not be. */
async function writeBack(
  inputs: readonly Input[],
  filtered: readonly Filtered[],
  io: InjectIo,
): Promise<readonly Finding[]> {
  const failures: Finding[] = [];
  for (const [index, { name, path, text }] of inputs.entries()) {
    const wanted = filtered[index]?.text ?? text;
    if (path === undefined || wanted === text) continue;
    try {
      await io.writeFile(path, wanted);
    } catch (thrown) {
      failures.push(reportUnwritten(name, thrown, io));
    }
  }
  return failures;
}

function reportUnwritten(name: string, thrown: unknown, io: InjectIo): Finding {
  const error = `it cannot be written: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  io.stderr(`${name}: error: ${error}\n`);
  return toFinding({ name, error });
}
