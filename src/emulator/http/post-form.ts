import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';

/** An answer of any status, read to its end. */
export interface FormAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/**
 * Posts a form over HTTPS.
 * @param caPem alone trusted
 * @throws the connection's error, or the signal's reason
 */
export function postForm(
  url: string,
  form: URLSearchParams,
  { caPem, signal }: { readonly caPem: string; readonly signal: AbortSignal },
): Promise<FormAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded;charset=utf-8' };
    const posting = request(
      url,
      { method: 'POST', ca: caPem, agent: false, signal, headers },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const body = Buffer.concat(chunks).toString('utf8');
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body });
        });
      },
    );
    posting.on('error', reject);
    posting.end(form.toString());
  });
}
