import { type Clock, systemClock } from '../proxy/clock.ts';
import type { Environment } from '../shared/options.ts';
import { createDoctorIo, type DoctorIo } from './doctor-io.ts';
import type { Place } from './engine/place.ts';
import { createRedact, type Redact } from './engine/redact.ts';
import { type Report, toExitCode, toReport } from './engine/report.ts';
import { runChecks } from './engine/run-checks.ts';
import { formatDoctorHelp, formatDoctorUsage } from './help.ts';
import { volunteerForOomKill } from './oom-victim.ts';
import { renderJson } from './output/json.ts';
import { createTextRenderer } from './output/text.ts';
import { type DoctorCommand, parseDoctorCommand } from './parse-command.ts';

/** The system's clock with timers that keep the process alive. */
const clock: Clock = {
  ...systemClock,
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

type RunCommand = Extract<DoctorCommand, { kind: 'run' }>;

/**
 * `proxy doctor`. Whoever dispatches commands imports this only when it is asked for.
 * @param argv what follows the name of the command
 * @returns the exit code: 0 nothing fails, 1 something fails, 2 malformed command line
 */
export async function runDoctor(argv: readonly string[], env: Environment): Promise<number> {
  const io = createDoctorIo(env);
  const command = parseDoctorCommand(argv);
  switch (command.kind) {
    case 'help':
      await io.stdout(formatDoctorHelp());
      return 0;
    case 'usage':
      return rejectUsage(command.errors, io);
    case 'run':
      return command.files.length === 0 ? examine(command, io) : examineLarge(argv, command, io);
  }
}

async function rejectUsage(errors: readonly string[], io: DoctorIo): Promise<number> {
  const complaints = errors.map((error) => `proxy doctor: ${error}\n`).join('');
  await io.stderr(`${complaints}\n${formatDoctorUsage()}`);
  return 2;
}

/** Files may be the dump of a whole cluster. */
async function examineLarge(
  argv: readonly string[],
  command: RunCommand,
  io: DoctorIo,
): Promise<number> {
  const { runWithLargeHeap } = await import('../shared/large-heap.ts');
  return runWithLargeHeap(['doctor', ...argv], () => examine(command, io));
}

async function examine(command: RunCommand, io: DoctorIo): Promise<number> {
  const { bundle } = command.options;
  if (bundle === undefined) {
    const place = await openPlace(command, io);
    return toExitCode(await print(place, createRedact(place.secrets), command, io, io.stdout));
  }
  const { BundleFault, openBundle } = await import('./bundle/bundle.ts');
  try {
    const archive = await openBundle({ ...command.options, bundle }, process.stdout);
    const place = await openPlace(command, io);
    const redact = createRedact(place.secrets);
    const say = bundle === '-' ? io.stderr : io.stdout;
    const report = await print(place, redact, command, io, say);
    await io.stderr(await archive.write(place, report, redact));
    return toExitCode(report);
  } catch (error) {
    if (!(error instanceof BundleFault)) throw error;
    await io.stderr(`proxy doctor: ${error.message}\n`);
    return 2;
  }
}

/** Runs the checks and writes the report. */
async function print(
  place: Place,
  redact: Redact,
  { options: { output, verbose } }: RunCommand,
  io: DoctorIo,
  say: DoctorIo['stdout'],
): Promise<Report> {
  if (output === 'json') {
    const report = toReport(await runChecks(place.checks, { clock, redact }));
    await say(renderJson(report));
    return report;
  }
  const text = createTextRenderer(place.checks, { colour: wantsColour(io), verbose });
  await say(text.head(place.from));
  const writes: Promise<void>[] = [];
  const results = await runChecks(place.checks, {
    clock,
    redact,
    // While a check waits, the reader already has all the earlier ones.
    onResult: (result) => writes.push(say(text.line(result))),
  });
  const report = toReport(results);
  await Promise.all([...writes, say(text.tail(report))]);
  return report;
}

/** Loads only the place that the command line names. */
async function openPlace(
  { options, files, proxyFlags, proxyPort }: RunCommand,
  { env }: DoctorIo,
): Promise<Place> {
  const { issuer, tokenFile, publicKey = [] } = options;
  if (issuer !== undefined) {
    const { createFetchDocument } = await import('./issuer/fetch-document.ts');
    const { openIssuer } = await import('./issuer/issuer.ts');
    const fetchDocument = createFetchDocument({ env });
    return openIssuer({ fetchDocument }, { issuer, tokenFile, publicKeys: publicKey });
  }
  if (files.length > 0) {
    const { createNodeIo } = await import('../inject/node-io.ts');
    const { examineFiles } = await import('./files/files.ts');
    const results = await examineFiles(createNodeIo(), files);
    return {
      from: files.length === 1 && files[0] === '-' ? 'standard input' : 'files',
      checks: results.map(({ id, ...finding }) => ({ id, run: async () => finding })),
      secrets: [],
    };
  }
  if (options.asApp) {
    const { openApp } = await import('./app/app.ts');
    return openApp({ ...options, proxyPort });
  }
  // Here the doctor shares its memory with the proxy.
  volunteerForOomKill();
  const { openSidecar } = await import('./sidecar/sidecar.ts');
  return openSidecar({ clock, env }, { ...options, proxyFlags });
}

/** See no-color.org. */
function wantsColour({ env, isTerminal }: DoctorIo): boolean {
  return isTerminal && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}
