import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface WrkResult {
  readonly requests: number;
  readonly seconds: number;
}

export interface WrkOptions {
  readonly url: string;
  /** `Name: value` lines. */
  readonly headers: readonly string[];
  readonly connections: number;
  readonly seconds: number;
  readonly cpu?: number | undefined;
  /** A Lua script that makes the requests. */
  readonly script?: string | undefined;
}

/**
 * Loads a server with as many requests as it can answer.
 * @throws when an answer was not 2xx or a connection failed: an error is not a fast answer.
 */
export async function runWrk(options: WrkOptions): Promise<WrkResult> {
  const { url, headers, connections, seconds, cpu, script } = options;
  const [file, ...args] = [
    ...(cpu === undefined ? [] : ['taskset', '--cpu-list', String(cpu)]),
    ...['wrk', '--threads', '1', '--connections', String(connections)],
    ...['--duration', `${seconds}s`],
    ...headers.flatMap((header) => ['--header', header]),
    ...(script === undefined ? [] : ['--script', script]),
    url,
  ];
  const { stdout } = await promisify(execFile)(file as string, args, {
    timeout: (seconds + 30) * 1000,
  });
  return parseWrk(stdout);
}

/** Reads wrk's summary. */
export function parseWrk(text: string): WrkResult {
  const counts = /^\s*(\d+) requests in ([\d.]+)(ms|s|m),/m.exec(text);
  if (counts === null) throw new Error(`not wrk's summary: ${text}`);
  const failures = /^\s*(?:Non-2xx or 3xx responses|Socket errors): .*$/m.exec(text);
  if (failures !== null) throw new Error(`wrk saw failures: ${failures[0].trim()}`);
  const [, requests, amount, unit] = counts;
  const unitSeconds = { ms: 0.001, s: 1, m: 60 }[unit as 'ms' | 's' | 'm'];
  return { requests: Number(requests), seconds: Number(amount) * unitSeconds };
}
