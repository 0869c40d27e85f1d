import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstAnswerAt } from './http.ts';
import { type Launched, launch } from './launch.ts';
import { freePort } from './ports.ts';
import type { StartedServer, StartOptions } from './server.ts';

export const dist = join(import.meta.dirname, '../../dist');

export interface ProxyOptions extends StartOptions {
  /** Added to the command line. */
  readonly flags?: readonly string[];
  /** A directory with the proxy's files, when it is not `dist/`. */
  readonly directory?: string;
}

/**
 * The admin server and pass-through stay on, as a pod has them, but no benchmark may reach for a real metadata service: port 9 of
 * the loopback address stands for it, where nothing answers.
 */
const flags = ['--log-level=info', '--metadata-endpoint=127.0.0.1:9'];

const readiness = 'GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n';

/** A proxy that waits for its exec. */
export interface PreparedProxy extends Launched {
  readonly port: number;
  /** @returns the instant of its first 200 from `/readyz`. */
  ready(deadlineMs?: number): Promise<number>;
}

export async function prepareProxy({
  flags: more = [],
  directory = dist,
  node = process.execPath,
  env,
  cpu,
  cgroupProcs,
}: ProxyOptions): Promise<PreparedProxy> {
  const port = await freePort();
  const program = join(directory, 'proxy');
  const launched = await launch({
    command: [
      // As in the image, without the shell that starts dist/proxy.
      ...[node, '--disable-sigusr1', program],
      ...[`--proxy-port=${port}`, `--admin-port=${await freePort()}`, ...flags, ...more],
    ],
    ...(env === undefined ? {} : { env }),
    cpu,
    cgroupProcs,
  });
  const ended = launched.exited.then(({ code }): never => {
    throw new Error(`the proxy ended with ${code}: ${launched.output()}`);
  });
  ended.catch(() => {});
  return {
    ...launched,
    port,
    ready: (deadlineMs = 30_000) =>
      Promise.race([firstAnswerAt(port, readiness, deadlineMs), ended]),
  };
}

/** Starts a proxy and waits until it is ready. */
export async function startProxy(options: ProxyOptions): Promise<StartedServer> {
  const prepared = await prepareProxy(options);
  const startedAt = prepared.start();
  const readyAt = await prepared.ready();
  return { ...prepared, startedAt, readyAt };
}

/** @throws Error when `dist/` was built for another Node than the one that compares. */
export function assertBuiltForThisNode(): void {
  const [, line = ''] = readFileSync(join(dist, 'proxy'), 'utf8').split('\n', 2);
  if (!line.includes(`exec '${process.execPath}'`)) {
    throw new Error(
      `dist/proxy was built for another Node (${line}): run npm run build with this one`,
    );
  }
}
