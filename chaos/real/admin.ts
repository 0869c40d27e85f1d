/** What a kubelet and a Prometheus see of the proxy. */
import { get } from 'node:http';
import { adminPort } from './pod.ts';

const DEADLINE_MS = 10_000;

/** @returns undefined if there was no answer */
export function askAdmin(
  path: string,
): Promise<{ readonly status: number; readonly body: string } | undefined> {
  const { promise, resolve } = Promise.withResolvers<
    { readonly status: number; readonly body: string } | undefined
  >();
  const request = get(
    { host: '127.0.0.1', port: adminPort, path, agent: false, timeout: DEADLINE_MS },
    (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', () => resolve(undefined));
    },
  );
  request.on('timeout', () => request.destroy());
  request.on('error', () => resolve(undefined));
  return promise;
}
