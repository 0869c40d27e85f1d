import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createNamespace, describeInNamespaces, type Namespace } from '../../support/netns.ts';

const source = join(import.meta.dirname, '..', '..', '..', 'src', 'proxy', 'entra');

/** In a namespace of its own: a server whose name has addresses of both families, and two clients of it. */
const program = `
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { createUndiciTransport } from ${JSON.stringify(join(source, 'transport', 'undici-transport.ts'))};
const server = createServer((_request, response) => response.end('ok')).listen(8080, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
const addresses = [{ address: '127.0.0.1', family: 4 }, { address: '2001:db8::1', family: 6 }];
const lookup = (_host, _options, answer) => answer(null, addresses);
const attempt = async (work) => work().catch((error) => error.code);
const transport = createUndiciTransport({ lookup });
const ours = await attempt(async () => {
  const reply = await transport.post('http://entra.test:8080/', {}, '', new AbortController().signal);
  return reply.text;
});
const nodes = await attempt(() => new Promise((resolve, reject) => {
  connect({ host: 'entra.test', port: 8080, lookup }, () => resolve('ok')).on('error', reject);
}));
console.log(JSON.stringify({ ours, nodes }));
process.exit(0);
`;

/** The kernel of the client sends its SYN again after one second. */
const dropOneOfTwoSyns = `table inet slow {
  chain input {
    type filter hook input priority 0;
    tcp dport 8080 tcp flags & (syn | ack) == syn numgen inc mod 2 0 drop
  }
}`;

describeInNamespaces('a pod without IPv6 whose TCP handshakes take a second', () => {
  let pod: Namespace;
  beforeEach(async () => {
    pod = await createNamespace();
    await pod.must(['nft', '-f', '-'], { input: dropOneOfTwoSyns });
  });
  afterEach(() => pod.remove());

  it('reaches a name that has addresses of both families, where Node alone does not', async () => {
    const output = await pod.must([process.execPath, '--input-type=module', '--eval', program]);
    expect(JSON.parse(output)).toEqual({ ours: 'ok', nodes: expect.stringMatching(/^E/) });
  });
});
