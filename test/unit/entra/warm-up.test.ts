import { createHook } from 'node:async_hooks';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { warmUp } from '../../../src/proxy/entra/bundle.ts';
import { createUndiciTransport } from '../../../src/proxy/entra/transport/undici-transport.ts';
import { readSmallFile } from '../../../src/shared/small-file.ts';
import { neverAborted } from './support.ts';

/** The kinds of operations on files and the network that `work` begins. */
async function outsideOperationsOf(work: () => Promise<unknown>): Promise<string[]> {
  const seen = new Set<string>();
  const hook = createHook({
    init(_id, type) {
      if (/^(FS|TCP|GETADDRINFO|QUERY|UDP|PIPE)/.test(type)) seen.add(type);
    },
  }).enable();
  try {
    await work();
  } finally {
    hook.disable();
  }
  return [...seen].sort();
}

describe('warm-up', () => {
  it('performs a whole exchange without network and files, again and again', async () => {
    // It throws unless a token comes out at its end.
    expect(await outsideOperationsOf(warmUp)).toEqual([]);
    expect(await outsideOperationsOf(() => Promise.all([warmUp(), warmUp()]))).toEqual([]);
  });

  it('would be seen to use them', async () => {
    const path = fileURLToPath(import.meta.url);
    expect(await outsideOperationsOf(() => readSmallFile(path, 64 * 1_024))).toContain(
      'FSREQCALLBACK',
    );
    const transport = createUndiciTransport();
    const post = () => transport.post('http://127.0.0.1:1', {}, '', neverAborted).catch(() => {});
    expect(await outsideOperationsOf(post)).toContain('TCPCONNECTWRAP');
    await transport.close();
  });
});
