import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

/** What some libraries read of the machine besides a token: a scale set's, as AKS has. */
const compute = {
  name: 'aks-pool-1_0',
  vmScaleSetName: 'aks-pool',
  subscriptionId: '11111111-1111-4111-8111-111111111111',
  resourceGroupName: 'nodes',
  location: 'westeurope',
} as const;

/**
 * The metadata service of the node, at the address that the redirect leads away from, to which the proxy passes
 * on what is not about tokens. It gives tokens of its own, which the laboratory takes for wrong ones: no client
 * may ever get here.
 */
export async function startNodeMetadata(): Promise<Server> {
  const server = createServer(({ url = '', headers }, response) => {
    const { pathname } = new URL(url, 'http://169.254.169.254');
    const isAsked = headers['metadata'] === 'true';
    const body =
      pathname === '/metadata/instance' && isAsked
        ? { compute }
        : { access_token: 'of the node', expires_in: '3599', token_type: 'Bearer' };
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
    response.end(JSON.stringify(body));
  });
  server.listen(80, '169.254.169.254');
  await once(server, 'listening');
  return server;
}
