import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { createNamespace, type Namespace } from './netns.ts';

/** A pod whose node has a metadata service, which repeats each request over HTTP. */
export interface ImdsPod {
  readonly pod: Namespace;
  /** Asks the metadata address as an application of the pod, with the user ID `uid`. */
  ask(path: string, uid?: number): Promise<{ readonly status: number; readonly body: string }>;
  remove(): Promise<void>;
}

const nodeService = `require('node:http').createServer((request, response) => {
  response.end('node ' + request.headers.host + ' ' + request.url);
}).listen(80, '169.254.169.254', () => console.log('ready'));`;

export async function createImdsPod(): Promise<ImdsPod> {
  const [pod, node] = await Promise.all([createNamespace(), createNamespace()]);
  await pod.must(['ip', '-batch', '-'], {
    input: `link add eth0 type veth peer name veth0 netns ${node.path}
addr add 10.77.0.2/24 dev eth0
link set eth0 up
`,
  });
  await node.must(['ip', '-batch', '-'], {
    input: `addr add 10.77.0.1/24 dev veth0
link set veth0 up
addr add 169.254.169.254/32 dev lo
`,
  });
  await pod.must(['ip', 'route', 'add', 'default', 'via', '10.77.0.1']);
  await untilSaid(node.start([process.execPath, '-e', nodeService]), 'ready');
  return {
    pod,
    async ask(path, uid = 0) {
      const code = `fetch('http://169.254.169.254${path}', { headers: { Metadata: 'true' } })
        .then(async (r) => console.log(JSON.stringify({ status: r.status, body: await r.text() })))`;
      const user = uid === 0 ? [] : ['setpriv', `--reuid=${uid}`, '--clear-groups'];
      return JSON.parse(await pod.must([...user, process.execPath, '-e', code]));
    },
    remove: async () => {
      await Promise.all([pod.remove(), node.remove()]);
    },
  };
}

async function untilSaid(child: ChildProcess, text: string): Promise<void> {
  if (child.stdout === null) throw new Error('no output');
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes(text)) return;
  }
  throw new Error(`ended before it said ${text}`);
}
