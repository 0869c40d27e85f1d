import { join } from 'node:path';
import { type Answer, firstAnswerAt, headerOf } from './http.ts';
import { type Launched, launch } from './launch.ts';
import { freePort } from './ports.ts';
import type { StartedServer, StartOptions } from './server.ts';

const program = join(import.meta.dirname, '../bare-server.cjs');

/** Headers that Node writes by itself, for the proxy as for the bare server. */
const writtenByNode = ['date', 'connection', 'keep-alive'];

/** Starts the bare server with the proxy's answer, and waits until it gives it. */
export async function startBare(answer: Answer, options: StartOptions): Promise<StartedServer> {
  const launched = await prepareBare(answer, options);
  const startedAt = launched.start();
  const readyAt = await firstAnswerAt(
    launched.port,
    'GET / HTTP/1.1\r\nHost: bare\r\n\r\n',
    30_000,
  );
  return { ...launched, startedAt, readyAt };
}

/** A bare server that waits for its exec. */
export async function prepareBare(
  { head, body }: Answer,
  { env, cpu, cgroupProcs, node = process.execPath }: StartOptions,
): Promise<Launched & { readonly port: number }> {
  const port = await freePort();
  const own = head.filter((_, index) => {
    const name = head[index - (index % 2)] as string;
    return !writtenByNode.includes(name.toLowerCase());
  });
  const launched = await launch({
    command: [node, program, String(port)],
    env: {
      ...env,
      BENCH_ANSWER: JSON.stringify({ head: own, body, keepAliveMs: keepAliveMsOf(head) }),
    },
    cpu,
    cgroupProcs,
  });
  return { ...launched, port };
}

/** For how long a connection stays open, which Node announces in a header. */
function keepAliveMsOf(head: readonly string[]): number {
  const seconds = /timeout=(\d+)/.exec(headerOf(head, 'keep-alive') ?? '')?.[1] ?? '5';
  return Number(seconds) * 1000;
}

/**
 * Makes sure that a comparison is one: both answers have the same status, as many bytes and the same
 * headers, values that name the moment aside.
 * @throws Error naming the difference.
 */
export function assertSameBytes(proxy: Answer, bare: Answer): void {
  const names = ({ head }: Answer): string[] =>
    head.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  const [ours, theirs] = [names(proxy).toSorted(), names(bare).toSorted()];
  if (ours.join() !== theirs.join()) {
    throw new Error(`the bare server writes other headers: ${theirs.join()} for ${ours.join()}`);
  }
  for (const name of ours) {
    const [a, b] = [headerOf(proxy.head, name), headerOf(bare.head, name)];
    if (name !== 'date' && a?.length !== b?.length) {
      throw new Error(`the bare server writes ${name}: ${b} for ${a}`);
    }
  }
  if (proxy.status !== bare.status || proxy.body.length !== bare.body.length) {
    throw new Error('the bare server writes another status or body');
  }
}
