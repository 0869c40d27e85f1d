/** The metadata service of the node that the pod is on: whoever reaches it for a token has escaped. */
const { createServer } = require('node:http');

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://node');
  const body = pathname.startsWith('/metadata/identity/')
    ? { access_token: 'the identity of the node' }
    : { path: pathname, compute: { name: 'the node' } };
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(body));
});
server.listen(80, '0.0.0.0', () => console.log('ready'));
process.on('SIGTERM', () => process.exit(0));
