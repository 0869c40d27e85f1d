import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Reply } from '../../../src/proxy/exchanger/messages.ts';
import { createProcessStarter } from '../../../src/proxy/exchanger/start-process.ts';

/** Reports that a new CA is good, and then sends back what it was configured with as a failure's message. */
const echo = `
const pipe = new (require('node:net').Socket)({ fd: 3 });
const send = (report) => pipe.write(JSON.stringify(report) + '\\n');
require('node:readline').createInterface({ input: pipe }).on('line', (line) => {
  send({ type: 'good-ca', pem: 'rotated' });
  const error = { code: 'ERR_TIMEOUT', message: JSON.parse(line).lastGoodCaPem, details: {} };
  send({ type: 'failed', id: 1, error });
}).on('close', () => process.exit());
`;

test('T7: the CA that was good at the start is known to the first exchanger, a later one to the next', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'start-process-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'exchanger.js'), echo);
  const start = createProcessStarter(
    {
      settings: { authorityHost: 'https://127.0.0.1:1', federatedTokenFile: '/nowhere/token' },
      logLevel: 'info',
      lastGoodCaPem: 'checked at the start',
    },
    directory,
  );
  const startOne = async (): Promise<unknown> => {
    const replied = Promise.withResolvers<Reply>();
    const exited = Promise.withResolvers<string>();
    const exchanger = start({ reply: replied.resolve, exited: exited.resolve });
    const reply = await Promise.race([replied.promise, exited.promise]);
    exchanger.kill();
    await exited.promise;
    return reply;
  };
  expect(await startOne()).toMatchObject({ error: { message: 'checked at the start' } });
  expect(await startOne()).toMatchObject({ error: { message: 'rotated' } });
});
