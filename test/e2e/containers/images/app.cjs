/**
 * An application that asks for a token when it starts, and again while it handles SIGTERM. Each answer is
 * a line of JSON on standard output.
 */
const { get } = require('node:http');

const once = process.argv[2] === 'once';
const path =
  process.env.ASK_PATH ??
  '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net';

function ask(when) {
  return new Promise((resolve) => {
    const options = { host: '169.254.169.254', path, headers: { Metadata: 'true' }, agent: false };
    const request = get(options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve({ when, status: response.statusCode, body }));
    });
    request.setTimeout(20_000, () => request.destroy(new Error('no answer in 20 s')));
    request.on('error', (error) => resolve({ when, error: error.code ?? error.message }));
  }).then((answer) => console.log(JSON.stringify(answer)));
}

if (!once) {
  process.on('SIGTERM', () => ask('stop').then(() => process.exit(0)));
  setInterval(() => {}, 60_000);
}
void ask('start');
