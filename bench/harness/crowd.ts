import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { parseAnswer } from './http.ts';

/** Many callers, each with its own connection, open already. */
export interface Crowd extends Disposable {
  /**
   * Sends one request over every connection, all at the same time.
   * @returns milliseconds until the last answer was there.
   * @throws Error when an answer is not 200, and when one is missing at the deadline.
   */
  askAll(request: string, deadlineMs?: number): Promise<number>;
}

/** Connects few at a time: the kernel refuses to queue more than a server's backlog. */
const connectingAtOnce = 50;

export async function gatherCrowd(port: number, callers: number): Promise<Crowd> {
  const sockets: Socket[] = [];
  while (sockets.length < callers) {
    const more = Math.min(connectingAtOnce, callers - sockets.length);
    const batch = Array.from({ length: more }, () => connect({ port, host: '127.0.0.1' }));
    sockets.push(...batch);
    await Promise.all(batch.map((socket) => once(socket, 'connect')));
  }
  return {
    askAll: (request, deadlineMs = 30_000) => askOverAll(sockets, request, deadlineMs),
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** The same over connections that are opened with the request, as clients without a pool do. */
export async function askAllAtOnce(
  port: number,
  request: string,
  callers: number,
  deadlineMs = 30_000,
): Promise<number> {
  const from = performance.now();
  const sockets = Array.from({ length: callers }, () => connect({ port, host: '127.0.0.1' }));
  const connectingMs = performance.now() - from;
  try {
    return connectingMs + (await askOverAll(sockets, request, deadlineMs));
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

async function askOverAll(
  sockets: readonly Socket[],
  request: string,
  deadlineMs: number,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const bytes = Buffer.from(request);
  const answers = sockets.map(() => '');
  const timer = setTimeout(() => reject(new Error(tooLate(answers, deadlineMs))), deadlineMs);
  let length = Number.POSITIVE_INFINITY;
  let whole = 0;
  const from = performance.now();
  for (const [caller, socket] of sockets.entries()) {
    socket.on('data', (chunk) => {
      const before = answers[caller] as string;
      const text = before + chunk.toString('latin1');
      answers[caller] = text;
      // All answers are of one length; to parse each of them would take time that is measured.
      if (length === Number.POSITIVE_INFINITY && parseAnswer(text) !== undefined) {
        length = text.length;
      }
      if (before.length < length && text.length >= length) whole += 1;
      if (whole === sockets.length) resolve(performance.now() - from);
    });
    socket.once('error', reject);
    socket.write(bytes);
  }
  const took = await promise.finally(() => clearTimeout(timer));
  const failed = answers.map(parseAnswer).find((answer) => answer?.status !== 200);
  if (failed !== undefined) throw new Error(`a caller got ${failed.status}: ${failed.body}`);
  return took;
}

function tooLate(answers: readonly string[], deadlineMs: number): string {
  const without = answers.filter((answer) => parseAnswer(answer) === undefined).length;
  return `${without} of ${answers.length} callers had no answer after ${deadlineMs} ms`;
}
