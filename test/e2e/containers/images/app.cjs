/**
 * An application. Without arguments it asks for a token when it starts, and again while it handles SIGTERM;
 * as `once` it asks and ends. Each answer is a line of JSON on standard output. As `poll MS` it asks again
 * and again for so long, as `load KEYS CALLERS` for so many resources, and says in one line how that went.
 */
const { Agent, get } = require('node:http');

const [mode = 'serve', ...numbers] = process.argv.slice(2);
const [first = 0, second = 1] = numbers.map(Number);
const token = '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=';
const path = process.env.ASK_PATH ?? `${token}https%3A%2F%2Fvault.azure.net`;
const agent = new Agent({ keepAlive: mode === 'load' });

function ask(target = path) {
  return new Promise((resolve) => {
    const options = { host: '169.254.169.254', path: target, headers: { Metadata: 'true' }, agent };
    const request = get(options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
    request.setTimeout(20_000, () => request.destroy(new Error('no answer in 20 s')));
    request.on('error', (error) => resolve({ error: error.code ?? error.message }));
  });
}

function report(result) {
  console.log(JSON.stringify(result));
}

async function poll(durationMs) {
  const outcomes = {};
  let outageMs = 0;
  let lastOkAt = performance.now();
  const end = lastOkAt + durationMs;
  while (performance.now() < end) {
    const { status, body = '', error } = await ask();
    const outcome = body.includes('the identity of the node') ? 'node' : (error ?? String(status));
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (outcome === '200') {
      outageMs = Math.max(outageMs, Math.round(performance.now() - lastOkAt));
      lastOkAt = performance.now();
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  report({ outcomes, outageMs });
}

async function load(keys, callers) {
  const outcomes = {};
  let slowestMs = 0;
  let next = 0;
  const call = async () => {
    while (next < keys) {
      const startedAt = performance.now();
      const { status, error } = await ask(`${token}api%3A%2F%2Fkey-${next++}`);
      outcomes[error ?? status] = (outcomes[error ?? status] ?? 0) + 1;
      slowestMs = Math.max(slowestMs, Math.round(performance.now() - startedAt));
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
  agent.destroy();
  report({ outcomes, slowestMs });
}

async function serve() {
  process.on('SIGTERM', async () => {
    report({ when: 'stop', ...(await ask()) });
    process.exit(0);
  });
  setInterval(() => {}, 60_000);
  report({ when: 'start', ...(await ask()) });
}

const modes = {
  serve,
  once: async () => report({ when: 'once', ...(await ask()) }),
  poll: () => poll(first),
  load: () => load(first, second),
};
void modes[mode]();
