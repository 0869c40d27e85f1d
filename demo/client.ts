import { type ChildProcess, execFile } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { promisify } from 'node:util';
import type { Outcome, Wish } from './app.ts';

const execute = promisify(execFile);
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
  /** The command that anyone can repeat. */
  readonly command: string;
}

/**
 * Talks to the application that has just been started; its first answer waits for its libraries. A question
 * is rejected as soon as the application has ended: who waits for it may have things to clean up.
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

/** Asks with curl, as a shell script in the pod would. */
export async function curl(
  base: string,
  resource: string,
  extra: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const query = new URLSearchParams({ 'api-version': '2018-02-01', resource, ...extra });
  const url = `${base}/metadata/identity/oauth2/token?${query}`;
  const measures = '\\n%{http_code} %{time_total}';
  const args = ['-sS', '--noproxy', '*', '-m', '30', '-H', 'Metadata: true', '-w', measures, url];
  const { stdout } = await execute('curl', args);
  const [body = '', measured = ''] = stdout.split('\n');
  const [status = '', seconds = ''] = measured.split(' ');
  return {
    status: Number(status),
    body: JSON.parse(body),
    ms: Number(seconds) * 1_000,
    command: `curl -H 'Metadata: true' '${url}'`,
  };
}

/** The claims of a token, read and not checked. */
export function toClaims(token: string): Readonly<Record<string, unknown>> {
  const [, payload = ''] = token.split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
}
