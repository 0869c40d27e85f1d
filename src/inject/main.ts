import { lastOf, scanArguments } from './arguments.ts';
import { formatDiff } from './diff.ts';
import { type Context, filterDocument, type Piece, readObjects } from './filter-document.ts';
import { formatHelp } from './help.ts';
import { describe, type Input, readInputs, type Unread } from './inputs.ts';
import type { InjectIo } from './io.ts';
import { createJoiner } from './join-files.ts';
import { splitDocuments } from './manifest/split-documents.ts';
import { splitList } from './manifest/split-list.ts';
import { createObjectIndex, mayBeIndexed, type ObjectIndexBuilder } from './object-index.ts';
import { commonOptions, injectOptions } from './options.ts';
import { type CommandName, parseCommand, type Run } from './parse-command.ts';
import { type Finding, failed, toFinding } from './report.ts';
import { createReporter, type Reporter } from './reporter.ts';
import { isNamed } from './select.ts';
import { addDefaults, findHeaderKey } from './setting-files.ts';
import type { Resource } from './workload.ts';

/**
 * The commands `inject` and `uninject`: manifests in, manifests out, and a report on standard error.
 * @param argv what follows the name of the command.
 * @returns the exit code: 0 done; 1 a document or an input is at fault, or with --check something would change; 2
 * malformed command line or defaults.
 * @throws what printing the help throws.
 */
export async function runInject(
  argv: readonly string[],
  io: InjectIo,
  name: CommandName,
): Promise<number> {
  const scan = scanArguments(name === 'inject' ? injectOptions : commonOptions, argv);
  if (scan.kind === 'help') {
    await io.stdout(formatHelp(name));
    return 0;
  }
  if (scan.kind === 'usage') return rejectUsage([scan.error], io, name);
  const isKrm = lastOf(scan.texts).get('krm') === 'true';
  const stdin = isKrm ? await readStdin(io) : undefined;
  if (stdin !== undefined && 'error' in stdin) return rejectUsage([stdin.error], io, name);

  const flags = { texts: scan.texts, names: [...(scan.texts.get('file') ?? []), ...scan.files] };
  const texts =
    name === 'uninject'
      ? { texts: scan.texts, file: undefined }
      : await addDefaults(flags, stdin?.text, io);
  if ('errors' in texts) return rejectUsage(texts.errors, io, name);
  const headerKey = await findHeaderKey(texts.texts, io);
  if (typeof headerKey === 'object') return rejectUsage([headerKey.error], io, name);
  const parsed = parseCommand(name, texts.texts, scan.files, headerKey);
  if (!parsed.ok) return rejectUsage(parsed.errors, io, name);
  const run = parsed.value;
  if (stdin === undefined && run.names.length === 0 && !io.isStdinPiped) {
    return rejectUsage(['name a file or folder, or pipe manifests in'], io, name);
  }

  const inputs =
    stdin === undefined
      ? await readInputs(run.names.length === 0 ? ['-'] : run.names, io, texts.file)
      : [{ name: 'stdin', path: undefined, text: stdin.text, isFromFolder: false }];
  const notes = texts.file === undefined ? [] : [`defaults from ${texts.file}`];
  return filterInputs(name, run, inputs, notes, io);
}

async function filterInputs(
  name: CommandName,
  run: Run,
  inputs: readonly (Input | Unread)[],
  notes: readonly string[],
  io: InjectIo,
): Promise<number> {
  const reporter = createReporter(run, io);
  for (const note of notes) reporter.note(`${name}: ${note}`);
  const readable = inputs.filter((input) => 'text' in input);
  const index = createObjectIndex();
  for (const { text } of readable) indexObjects(text, run, index);

  const unmatched = new Set(run.selection.only ?? []);
  const onResource = (resource: Resource): void => {
    for (const pattern of unmatched) if (isNamed(pattern, resource)) unmatched.delete(pattern);
  };
  const writer = createWriter(run, readable, reporter, io);
  for (const input of inputs) {
    if (!('text' in input)) {
      reporter.add(input.name, input.finding);
      continue;
    }
    const context: Context = {
      ...run,
      index,
      onResource,
      onTemplate: input.isFromFolder ? 'skip' : 'fail',
    };
    await writer.write(input, filterFile(input, context, reporter));
  }

  for (const { text } of unmatched) {
    reporter.add(name, toFinding(failed(`--only names ${text}, which is not in the input`)));
  }
  if (reporter.isEmpty && !readable.some(({ isFromFolder }) => isFromFolder)) {
    const message = 'there is no Kubernetes object in the input; check the input';
    reporter.add(name, toFinding(failed(message)));
  }
  return reporter.finish();
}

/** The pieces of a file, with its byte order mark, each reported when it is done. */
function* filterFile(input: Input, context: Context, reporter: Reporter): Generator<Piece> {
  const mark = input.text.startsWith('\uFEFF') ? '\uFEFF' : '';
  if (mark !== '') yield { before: mark, after: mark, line: 1, findings: [] };
  for (const chunk of splitDocuments(input.text.slice(mark.length))) {
    for (const piece of filterDocument(chunk, context)) {
      for (const finding of piece.findings) reporter.add(input.name, finding);
      yield piece;
    }
  }
}

/** Where the filtered files go. */
interface Writer {
  write(input: Input, pieces: Iterable<Piece>): Promise<void>;
}

function createWriter(
  { output }: Run,
  inputs: readonly Input[],
  reporter: Reporter,
  io: InjectIo,
): Writer {
  const joiner = createJoiner(inputs.map(({ text }) => text));
  let isBroken = false;
  const print = async (text: string): Promise<void> => {
    if (isBroken || text === '') return;
    try {
      await io.stdout(text);
    } catch (thrown) {
      isBroken = true;
      reporter.add('stdout', describeUnwritten(thrown));
    }
  };
  switch (output) {
    case 'print':
      return {
        async write({ text }, pieces) {
          let pending = joiner.begin(text);
          for (const { after } of pieces) {
            pending += joiner.add(after);
            if (pending.length < 65_536) continue;
            await print(pending);
            pending = '';
          }
          await print(pending);
        },
      };
    case 'write':
      return {
        async write({ name, path, text }, pieces) {
          const wanted = [...pieces].map(({ after }) => after).join('');
          if (path === undefined || wanted === text) return;
          try {
            await io.writeFile(path, wanted);
          } catch (thrown) {
            reporter.add(name, describeUnwritten(thrown));
          }
        },
      };
    case 'diff':
      return {
        async write({ name }, pieces) {
          await print(
            formatDiff(
              name,
              [...pieces].filter(({ before, after }) => before !== after),
            ),
          );
        },
      };
    case 'none':
    case 'check':
      return {
        async write(_, pieces) {
          for (const _piece of pieces);
        },
      };
  }
}

/** Reads the few objects that workloads anywhere in the input may refer to. */
function indexObjects(file: string, { templatePaths }: Run, index: ObjectIndexBuilder): void {
  if (!mayBeIndexed(file)) return;
  for (const chunk of splitDocuments(file.replace(/^\uFEFF/, ''))) {
    if (!mayBeIndexed(chunk.text)) continue;
    const list = splitList(chunk);
    const items = list?.pieces.filter((piece) => typeof piece !== 'string') ?? [
      { ...chunk, base: [] },
    ];
    for (const item of items) {
      if (list === undefined && !mayBeIndexed(item.text)) continue;
      try {
        const resources = readObjects(item, item.base, list?.frame, templatePaths);
        for (const resource of resources ?? []) index.add(resource);
      } catch {
        // A document that cannot be read is reported when it is filtered.
      }
    }
  }
}

async function readStdin(
  io: InjectIo,
): Promise<{ readonly text: string } | { readonly error: string }> {
  try {
    return { text: await io.readStdin() };
  } catch (error) {
    return { error: `stdin: ${describe(error)}` };
  }
}

function describeUnwritten(thrown: unknown): Finding {
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return toFinding(failed(`it cannot be written: ${reason}`));
}

function rejectUsage(errors: readonly string[], io: InjectIo, name: CommandName): number {
  for (const error of errors) io.stderr(`${name}: ${error}\n`);
  io.stderr(`See ${name} --help.\n`);
  return 2;
}
