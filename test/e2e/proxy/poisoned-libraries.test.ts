import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plugin } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle } from '../../../build/bundle.ts';
import type { Emulator } from '../../../src/emulator/api.ts';
import { startEmulator } from '../../support/emulator.ts';
import { dist, startProxy } from '../../support/proxy-process.ts';

/** Text that nothing may repeat: it stands for a token in a library's error. */
const secret = 'eyJhbGciOiJub25lIn0.c2VjcmV0.c2VjcmV0';

/** Makes the first call of a library fail in the way that the variable POISON names. */
const poison = `
const { EventEmitter } = require('node:events');
const { connect } = require('node:net');
const [library, way] = process.env.POISON.split(' ');
const left = (globalThis.poison ??= { calls: 1 });
const error = () => new TypeError('${secret}');
const never = () => new Promise(() => {});
const ways = {
  throw() { throw error(); },
  reject: () => Promise.reject(error()),
  timer() { setTimeout(() => { throw error(); }, 1); return never(); },
  microtask() { queueMicrotask(() => { throw error(); }); return never(); },
  'forgotten-promise'() { void Promise.reject(error()); return never(); },
  'no-error-at-all'() { setTimeout(() => { throw undefined; }, 1); return never(); },
  event() { setTimeout(() => new EventEmitter().emit('error', error()), 1); return never(); },
  socket() { connect(1, '127.0.0.1'); return never(); },
};
module.exports = (name, real) => {
  if (name !== library || left.calls === 0) return real();
  left.calls -= 1;
  return ways[way]();
};
if (library === 'load' && left.calls > 0) { left.calls -= 1; throw error(); }
`;

const modules: Readonly<Record<string, string>> = {
  'poison:': poison,
  '@azure/msal-node': `
    import * as real from 'real:@azure/msal-node';
    import poison from 'poison:';
    export const { AuthError, LogLevel } = real;
    export class ConfidentialClientApplication extends real.ConfidentialClientApplication {
      acquireTokenByClientCredential(request) {
        return poison('msal', () => super.acquireTokenByClientCredential(request));
      }
    }`,
  'undici/lib/dispatcher/agent.js': `
    import Real from 'real:undici/lib/dispatcher/agent.js';
    import poison from 'poison:';
    export default class extends Real {
      dispatch(options, handler) {
        Promise.resolve(poison('undici', () => void super.dispatch(options, handler)))
          .catch((error) => handler.onResponseError(undefined, error));
        return true;
      }
    }`,
};

const poisonLibraries: Plugin = {
  name: 'poison-libraries',
  setup(esbuild) {
    esbuild.onResolve(
      { filter: /^(@azure\/msal-node$|undici\/|poison:)/ },
      ({ path, pluginData }) =>
        path in modules && pluginData !== 'real' ? { path, namespace: 'poison' } : null,
    );
    esbuild.onResolve({ filter: /^real:/ }, ({ path }) =>
      esbuild.resolve(path.slice('real:'.length), {
        kind: 'import-statement',
        resolveDir: import.meta.dirname,
        pluginData: 'real',
      }),
    );
    esbuild.onLoad({ filter: /./, namespace: 'poison' }, ({ path }) => ({
      contents: modules[path] ?? '',
      resolveDir: import.meta.dirname,
    }));
  },
};

describe('a fault of MSAL or undici', () => {
  let emulator: Emulator;
  let directory: string;
  beforeAll(async () => {
    emulator = await startEmulator();
    directory = await mkdtemp(join(tmpdir(), 'imds-proxy-poison-'));
    await cp(dist, directory, { recursive: true });
    await bundle({
      name: 'proxy-exchange.js',
      entry: 'src/proxy/entra/bundle.ts',
      outdir: directory,
      asFunction: true,
      plugins: [poisonLibraries],
    });
  });
  afterAll(async () => {
    await emulator.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const immediate = ['throw', 'reject'];
  const later = ['timer', 'microtask', 'forgotten-promise', 'no-error-at-all', 'event', 'socket'];
  test.each(
    ['msal', 'undici'].flatMap((library) =>
      [...immediate, ...later].map((way) => [library, way] as const),
    ),
  )('in %s (%s) fails that request only', async (library, way) => {
    await using proxy = await startProxy(emulator, {
      directory,
      env: { POISON: `${library} ${way}` },
    });
    const ask = async () => {
      const query = 'api-version=2018-02-01&resource=https://vault.azure.net';
      const answer = await fetch(`${proxy.url}/metadata/identity/oauth2/token?${query}`, {
        headers: { Metadata: 'true' },
      });
      return { status: answer.status, body: await answer.text() };
    };
    const first = await ask();
    expect(first.body).not.toContain(secret);
    // A failed request is tried again by the exchange, a broken library is not.
    const isRetried = library === 'undici' && immediate.includes(way);
    if (!isRetried) {
      expect(first.status).toBe(later.includes(way) ? 503 : 500);
      expect(JSON.parse(first.body).error_description).not.toBe('');
    }
    await expect.poll(async () => (await ask()).status, { timeout: 20_000 }).toBe(200);
    expect(proxy.child.exitCode).toBeNull();
    expect(proxy.output.join('\n')).not.toContain(secret);
    const contained = proxy.log.filter(({ message }) =>
      message.includes('the exchange failed outside of any request'),
    );
    expect(contained).toHaveLength(later.includes(way) ? 1 : 0);
  });

  test('while they load leaves the server serving, and they are loaded again', async () => {
    await using proxy = await startProxy(emulator, { directory, env: { POISON: 'load -' } });
    await proxy.untilLogged(({ message }) => message.startsWith('cannot load the exchange'));
    expect((await fetch(`${proxy.url}/readyz`)).status).toBe(200);
    const query = 'api-version=2018-02-01&resource=https://vault.azure.net';
    const answer = await fetch(`${proxy.url}/metadata/identity/oauth2/token?${query}`, {
      headers: { Metadata: 'true' },
    });
    expect(answer.status).toBe(200);
    expect(proxy.output.join('\n')).not.toContain(secret);
  });
});
