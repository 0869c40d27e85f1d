/**
 * Gives each pod to the only node, where there is no kube-scheduler.
 * Usage: bind-pods.ts API_SERVER FOLDER_OF_CERTIFICATES
 */
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

interface PodEvent {
  readonly type: string;
  readonly object: { readonly metadata: { readonly name: string; readonly namespace: string } };
}

const [server = '', folder = ''] = process.argv.slice(2);
const read = (name: string) => readFileSync(join(folder, name));
const identity = {
  ca: read('ca.crt'),
  cert: read('administrator.crt'),
  key: read('administrator.key'),
};
/** The API server ends a watch by then; the next one begins with the pods that are left. */
const watchSeconds = 300;

function call(method: 'GET' | 'POST', path: string, body?: object): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(new URL(path, server), {
      method,
      ...identity,
      headers: { 'content-type': 'application/json' },
      timeout: (watchSeconds + 30) * 1000,
    })
      .on('response', resolve)
      .on('timeout', function () {
        this.destroy(new Error('no answer'));
      })
      .on('error', reject)
      .end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** @throws Error if the API server refuses: the next watch begins with the pods that have no node yet */
async function bind({ name, namespace }: PodEvent['object']['metadata']): Promise<void> {
  const answer = await call('POST', `/api/v1/namespaces/${namespace}/pods/${name}/binding`, {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name },
    target: { apiVersion: 'v1', kind: 'Node', name: 'node' },
  });
  answer.resume();
  console.log(`${namespace}/${name}: ${answer.statusCode}`);
  const isGone = answer.statusCode === 404;
  if (answer.statusCode !== 201 && !isGone) throw new Error(`${name}: ${answer.statusCode}`);
}

/** From no resource version: the pods of now come first, as added ones. */
async function watch(): Promise<void> {
  const query = `watch=true&fieldSelector=spec.nodeName%3D&timeoutSeconds=${watchSeconds}`;
  const events = await call('GET', `/api/v1/pods?${query}`);
  if (events.statusCode !== 200) throw new Error(`watch: status ${events.statusCode}`);
  for await (const line of createInterface(events)) {
    const { type, object }: PodEvent = JSON.parse(line);
    if (type === 'ADDED') await bind(object.metadata);
  }
}

for (;;) {
  await watch().catch((error: unknown) => console.error(String(error)));
  await new Promise((resolve) => setTimeout(resolve, 500));
}
