import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { createInterface, type Interface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { Outcome, Wish } from './app.ts';

/** Libraries try for about a minute. */
const replyDeadlineMs = 90_000;

/** Asks an application through its own input. */
export type Ask<Question, Reply> = (question: Question) => Promise<Reply>;

export interface App {
  readonly getToken: Ask<Wish, Outcome>;
}

/** What a plain HTTP client got. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, string>>;
  readonly ms: number;
  /** The same request as a command. */
  readonly command: string;
}

/**
 * Talks to the application that has just been started; its first answer waits for its libraries. A question
 * is rejected as soon as the application has ended, so that the caller can clean up.
 */
export function createDialogue<Question, Reply>({
  stdin,
  stdout,
}: ChildProcess): Ask<Question, Reply> {
  if (stdin === null || stdout === null) throw new Error('the application has no pipes');
  const lines: Interface = createInterface({ input: stdout });
  const end = new AbortController();
  lines.once('close', () => end.abort(new Error('the application has ended')));
  // The end of its output says the same.
  stdin.on('error', () => {});
  return async (question) => {
    const signal = AbortSignal.any([end.signal, AbortSignal.timeout(replyDeadlineMs)]);
    signal.throwIfAborted();
    const answered = once(lines, 'line', { signal });
    stdin.write(`${JSON.stringify(question)}\n`);
    const [line] = (await answered.catch(() => Promise.reject(signal.reason))) as [string];
    return JSON.parse(line);
  };
}

/** Asks with a plain request, as a shell script in the pod would with curl. */
export async function askPlainly(
  base: string,
  resource: string,
  extra: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const query = new URLSearchParams({ 'api-version': '2018-02-01', resource, ...extra });
  const url = `${base}/metadata/identity/oauth2/token?${query}`;
  const startedAt = performance.now();
  const request = get(url, {
    headers: { Metadata: 'true' },
    agent: false,
    signal: AbortSignal.timeout(30_000),
  });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const body = await text(response);
  return {
    status: response.statusCode ?? 0,
    body: JSON.parse(body),
    ms: performance.now() - startedAt,
    command: `curl -H 'Metadata: true' '${url}'`,
  };
}

/** The claims of a token, read and not checked. */
export function toClaims(token: string): Readonly<Record<string, unknown>> {
  const [, payload = ''] = token.split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
}
