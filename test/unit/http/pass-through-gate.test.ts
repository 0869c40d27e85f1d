import { expect, test } from 'vitest';
import type { Forwarder } from '../../../src/proxy/http/pass-through.ts';
import { createPassThroughGate } from '../../../src/proxy/http/pass-through-gate.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createRecordingLogger } from '../../support/scripted-source-server.ts';

test('a forwarder that could not be loaded is loaded again by the next request, and then kept', async () => {
  const forwarder: Forwarder = {
    forward: async () => ({ kind: 'answered', status: 200, headers: [], body: Buffer.from('{}') }),
  };
  let loads = 0;
  const gate = createPassThroughGate(
    {
      clock: createManualClock(),
      logger: createRecordingLogger(),
      async loadForwarder() {
        loads += 1;
        if (loads === 1) throw new Error('EMFILE');
        return { createForwarder: () => forwarder };
      },
    },
    { mode: 'instance' },
  );
  const ask = () =>
    gate.forward({ target: '/metadata/instance', rawHeaders: [] }, new AbortController().signal);
  await expect(ask()).rejects.toThrow('EMFILE');
  expect(await ask()).toMatchObject({ status: 200 });
  expect(await ask()).toMatchObject({ status: 200 });
  expect(loads).toBe(2);
});
