import { connect } from 'node:net';

/** An answer as it was on the wire. */
export interface Answer {
  readonly status: number;
  /** Names and values in turn, in their order and spelling. */
  readonly head: readonly string[];
  readonly body: string;
}

/**
 * Sends a request over a new connection and reads the one answer. A client of node:http would spend
 * more time on itself than is wanted in a measurement.
 * @throws when there is no connection, or no whole answer within `deadlineMs`.
 */
export function ask(port: number, request: string, deadlineMs = 30_000): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const timer = setTimeout(
    () => reject(new Error(`port ${port} gave no answer within ${deadlineMs} ms`)),
    deadlineMs,
  );
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    text += chunk;
    const answer = parseAnswer(text);
    if (answer !== undefined) resolve(answer);
  });
  socket.once('error', reject);
  socket.once('close', () => reject(new Error(`port ${port} closed in mid-answer: ${text}`)));
  socket.write(request);
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

/**
 * Reads an answer with a `Content-Length`.
 * @returns undefined as long as it is not whole.
 */
export function parseAnswer(text: string): Answer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const head = lines.flatMap((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const length = Number(headerOf(head, 'content-length') ?? Number.NaN);
  if (!Number.isSafeInteger(length)) throw new Error(`an answer without its length: ${text}`);
  const body = text.slice(end + 4);
  if (body.length < length) return undefined;
  return { status: Number(statusLine.split(' ')[1]), head, body: body.slice(0, length) };
}

/** The value of a header, whatever its spelling. */
export function headerOf(head: readonly string[], name: string): string | undefined {
  const at = head.findIndex((item, index) => index % 2 === 0 && item.toLowerCase() === name);
  return at < 0 ? undefined : head[at + 1];
}

const pollIntervalMs = 0.2;
/** Never woken: waiting on it is a sleep finer than a timer's millisecond, off the CPU. */
const never = new Int32Array(new SharedArrayBuffer(4));

/**
 * Asks a starting server until it answers 200.
 * @returns the instant of that answer, in `performance.now()` milliseconds.
 */
export async function firstAnswerAt(
  port: number,
  request: string,
  deadlineMs: number,
): Promise<number> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    try {
      const { status } = await ask(port, request, deadlineMs);
      if (status === 200) return performance.now();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
    }
    if (performance.now() > deadline) throw new Error(`port ${port} not ready in ${deadlineMs} ms`);
    Atomics.wait(never, 0, 0, pollIntervalMs);
  }
}
