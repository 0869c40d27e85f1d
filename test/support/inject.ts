import type { InjectIo } from '../../src/inject/io.ts';
import { runInject } from '../../src/inject/main.ts';

/** What a run of `inject` or `uninject` printed, wrote and returned. */
export interface InjectRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Files that were written. */
  readonly written: ReadonlyMap<string, string>;
}

export interface InjectSetting {
  /** undefined if somebody sits at the keyboard. */
  readonly stdin?: string;
  /** Files by their path; an Error is what reading them throws. */
  readonly files?: Readonly<Record<string, string | Error>>;
  /** Environment variables. */
  readonly variables?: Readonly<Record<string, string>>;
  /** What writing any file, or standard output, throws. */
  readonly writeError?: Error;
}

/** Runs `inject` or `uninject` on files that exist only here. */
export async function runInjectOn(
  command: 'inject' | 'uninject',
  argv: readonly string[],
  setting: InjectSetting,
): Promise<InjectRun> {
  return runOn((io) => runInject(argv, io, command), setting);
}

/** Runs a command on files that exist only here. */
export async function runOn(
  command: (io: InjectIo) => Promise<number>,
  { stdin, files = {}, variables = {}, writeError }: InjectSetting,
): Promise<InjectRun> {
  let stdout = '';
  let stderr = '';
  const written = new Map<string, string>();
  const missing = (path: string): Error =>
    Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
  const exitCode = await command({
    isStdinPiped: stdin !== undefined,
    readStdin: async () => stdin ?? '',
    async readFile(path) {
      const text = files[path];
      if (text === undefined) throw missing(path);
      if (text instanceof Error) throw text;
      return text;
    },
    async writeFile(path, text) {
      if (writeError !== undefined) throw writeError;
      written.set(path, text);
    },
    async readSmallFile(path) {
      const text = files[path];
      if (text instanceof Error) throw text;
      return text;
    },
    variable: (name) => variables[name],
    async listFolder(path) {
      if (Object.hasOwn(files, path)) return undefined;
      const below = Object.keys(files).filter((file) => file.startsWith(`${path}/`));
      if (below.length === 0) throw missing(path);
      return { files: below.sort(), outside: [] };
    },
    async stdout(text) {
      if (writeError !== undefined) throw writeError;
      stdout += text;
    },
    stderr(text) {
      stderr += text;
    },
  });
  return { exitCode, stdout, stderr, written };
}

/** Flags that `inject` cannot do without. */
export const imageFlags = [
  '--proxy-image=registry.example/imds-proxy/proxy:1.0.0',
  '--init-image=registry.example/imds-proxy/proxy-init:1.0.0',
];
