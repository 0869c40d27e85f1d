import { lstat, writeFile } from 'node:fs/promises';
import { arch, release } from 'node:os';
import { gzipSync } from 'node:zlib';
import { toErrorCode } from '../../shared/small-file.ts';
import { buildInfo } from '../../shared/version.ts';
import type { Place } from '../engine/place.ts';
import type { Redact } from '../engine/redact.ts';
import type { Report } from '../engine/report.ts';
import { renderJson } from '../output/json.ts';
import { createTextRenderer } from '../output/text.ts';
import { BundleFault } from './bundle-fault.ts';
import { createTextCleaner } from './clean-text.ts';
import { readLog } from './log-input.ts';
import { type Entry, toTar } from './tar.ts';

export { BundleFault };

/** A longer file of an archive is cut. */
export const maxEntryBytes = 2 * 1_048_576;

/** Where the archive goes, and the log that goes into it. */
export interface BundleOptions {
  /** A path, or `-` for standard output. */
  readonly bundle: string;
  /** A file with a log, or `-` for standard input. */
  readonly log: string | undefined;
}

/** An archive that will be written when the report is there. */
export interface Bundle {
  /** @returns a line for people @throws BundleFault if it cannot be written */
  write(place: Place, report: Report, redact: Redact): Promise<string>;
}

/**
 * Reads the log, and makes sure that nothing is in the way of the archive.
 * @param standard output, for `-`
 * @throws BundleFault
 */
export async function openBundle(
  { bundle: path, log }: BundleOptions,
  standard: NodeJS.WriteStream,
): Promise<Bundle> {
  if (path !== '-') await refuseExisting(path);
  else if (standard.isTTY) {
    throw new BundleFault(
      '--bundle=-: standard output is a terminal; send it to a file: > case.tar.gz',
    );
  }
  const logText = log === undefined ? undefined : await readLog(log);
  return {
    async write(place, report, redact) {
      const archive = gzipSync(toTar(await toEntries(place, report, redact, logText), now()));
      if (path === '-') {
        await new Promise<void>((resolve) => standard.write(archive, () => resolve()));
        return '';
      }
      // Never the file of somebody else, nor one behind a link.
      await writeFile(path, archive, { flag: 'wx', mode: 0o600 }).catch((error: unknown) => {
        throw new BundleFault(describeFault(path, toErrorCode(error)));
      });
      return `\n${path}: ${Math.ceil(archive.length / 1_024)} KiB. Look at it before you send it: tar -xzf ${toShellWord(path)}\n`;
    },
  };
}

/** A path that can be pasted into a shell. */
function toShellWord(path: string): string {
  return /^[\w./@%+=:,-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

async function refuseExisting(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found !== undefined) throw new BundleFault(describeFault(path, 'EEXIST'));
}

function describeFault(path: string, code: string): string {
  switch (code) {
    case 'EEXIST':
      return `--bundle: ${path} exists; name another file, or remove it`;
    case 'ENOENT':
    case 'ENOTDIR':
      return `--bundle: ${path} is in a folder that does not exist; make it, or name another file`;
    default:
      // The root of our container is read-only.
      return `--bundle: ${path} cannot be written (${code}); send the archive to standard output: --bundle - > case.tar.gz`;
  }
}

async function toEntries(
  place: Place,
  report: Report,
  redact: Redact,
  log: string | undefined,
): Promise<readonly Entry[]> {
  const { files, tokens } = (await place.collect?.()) ?? { files: [], tokens: [] };
  const clean = createTextCleaner(redact, tokens);
  const texts = [
    { name: 'README.txt', text: describe(place, log !== undefined) },
    { name: 'report.txt', text: toText(place, report) },
    { name: 'report.json', text: renderJson(report) },
    ...files.map(({ name, text }) => ({ name, text: clean(text) })),
    ...(log === undefined ? [] : [{ name: 'proxy.log', text: clean(log) }]),
  ];
  return texts.map(({ name, text }) => ({
    name: `proxy-doctor/${name}`,
    content: toContent(text),
  }));
}

function toContent(text: string): Buffer {
  const content = Buffer.from(text);
  if (content.length <= maxEntryBytes) return content;
  return Buffer.concat([content.subarray(0, maxEntryBytes - 64), Buffer.from('\n(cut here)\n')]);
}

function describe({ from }: Place, hasLog: boolean): string {
  return `Made by proxy doctor, from ${from}.

time:    ${new Date().toISOString()}
doctor:  ${buildInfo.version} (${buildInfo.revision})
node:    ${process.version} ${process.platform} ${arch()}
kernel:  ${release()}
log:     ${hasLog ? 'proxy.log' : 'none. Add --log FILE with the output of kubectl logs.'}

Tokens, assertions and secrets were removed. Names, client IDs, tenants and addresses were not.
`;
}

function toText({ from }: Place, report: Report): string {
  const text = createTextRenderer(report.checks, { colour: false, verbose: true });
  return [text.head(from), ...report.checks.map(text.line), text.tail(report)].join('');
}

function now(): number {
  return Math.floor(Date.now() / 1_000);
}
