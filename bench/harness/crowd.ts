import { connect, type Socket } from 'node:net';
import { parseAnswer } from './http.ts';

/**
 * Sends one request each over `callers` new connections, all at the same time.
 * @returns milliseconds until the last answer was there.
 * @throws Error when an answer is not 200, and when one is missing at the deadline.
 */
export async function askAllAtOnce(
  port: number,
  request: string,
  callers: number,
  deadlineMs = 30_000,
): Promise<number> {
  const answers: string[] = new Array(callers).fill('');
  const sockets: Socket[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const timer = setTimeout(() => reject(new Error(tooLate(answers, deadlineMs))), deadlineMs);
  const from = performance.now();
  let length = Number.POSITIVE_INFINITY;
  let whole = 0;
  for (let caller = 0; caller < callers; caller += 1) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    sockets.push(socket);
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      const before = answers[caller] as string;
      const text = before + chunk;
      answers[caller] = text;
      // All answers are of one length, and to parse each of them would be timed as well.
      if (length === Number.POSITIVE_INFINITY && parseAnswer(text) !== undefined)
        length = text.length;
      if (before.length < length && text.length >= length) whole += 1;
      if (whole === callers) resolve(performance.now() - from);
    });
    socket.once('error', reject);
    socket.write(request);
  }
  try {
    const took = await promise;
    const failed = answers.map(parseAnswer).find((answer) => answer?.status !== 200);
    if (failed !== undefined) throw new Error(`a caller got ${failed.status}: ${failed.body}`);
    return took;
  } finally {
    clearTimeout(timer);
    for (const socket of sockets) socket.destroy();
  }
}

function tooLate(answers: readonly string[], deadlineMs: number): string {
  const without = answers.filter((answer) => parseAnswer(answer) === undefined).length;
  return `${without} of ${answers.length} callers had no answer after ${deadlineMs} ms`;
}
