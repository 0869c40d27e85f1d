import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { ExchangeBundle, Outcome } from '../../../src/proxy/entra/bundle.ts';
import { createLoadedExchange } from '../../../src/proxy/entra/load-exchange.ts';
import { ProxyError } from '../../../src/proxy/errors.ts';
import type { ExchangeRequest, IssuedToken } from '../../../src/proxy/exchange.ts';
import type { Logger } from '../../../src/shared/logger.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const request: ExchangeRequest = {
  identity: { clientId: 'client', tenantId: 'tenant' },
  resource: 'https://vault.azure.net',
};
const token: IssuedToken = {
  accessToken: 'token',
  expiresInSeconds: 3_600,
  extExpiresInSeconds: 3_600,
  elapsedMs: 5,
};
const issued: Outcome = { kind: 'issued', token };
const { signal } = new AbortController();

/** A loaded exchange over `perform`, which stands in for the bundle. */
function open(perform: ExchangeBundle['perform'], load?: () => void, closeFault?: Error) {
  const lines: Record<string, unknown>[] = [];
  const logger: Logger = {
    isEnabled: () => true,
    log: (level, message, fields) => void lines.push({ level, message, ...fields }),
  };
  const seen = { loads: 0, closes: 0 };
  const clock = createManualClock();
  const loaded = createLoadedExchange({
    clock,
    logger,
    load() {
      seen.loads += 1;
      load?.();
      return {
        perform,
        async close() {
          seen.closes += 1;
          if (closeFault !== undefined) throw closeFault;
        },
      };
    },
  });
  const ask = () => loaded.exchange(request, signal).catch((error: unknown) => error);
  return { clock, loaded, ask, seen, lines };
}

const failsOnce = (error: unknown) => {
  let isFirst = true;
  return () => {
    if (!isFirst) return;
    isFirst = false;
    throw error;
  };
};

/** Runs `provoke` and gives what reaches the process of it to `containFault`. */
async function contain(
  loaded: { containFault(fault: unknown): boolean },
  provoke: () => void,
): Promise<boolean> {
  const before = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  try {
    const contained = new Promise<boolean>((resolve) => {
      process.once('uncaughtException', (fault) => resolve(loaded.containFault(fault)));
    });
    provoke();
    return await contained;
  } finally {
    for (const listener of before) process.on('uncaughtException', listener);
  }
}

describe('loading', () => {
  test('happens once for all exchanges, at the first or ahead of it', async () => {
    const { ask, seen } = open(async () => issued);
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([token, token, token]);
    expect(seen.loads).toBe(1);
    const other = open(async () => issued);
    other.loaded.preload();
    expect(await other.ask()).toEqual(token);
    expect(other.seen.loads).toBe(1);
  });

  test.each([
    ['ENOENT', '/app/proxy-exchange.js is missing'],
    ['EACCES', 'Make /app/proxy-exchange.js readable for user'],
    ['EMFILE', 'raise the limit on open files'],
    [undefined, "Look at the proxy's log"],
  ])('a failure with %s says what to do, and the next exchange tries again', async (code, hint) => {
    const error = Object.assign(new Error('secret text'), { code, path: '/app/proxy-exchange.js' });
    const { ask, seen } = open(async () => issued, failsOnce(error));
    const failure = (await ask()) as ProxyError;
    expect(failure).toBeInstanceOf(ProxyError);
    expect(failure).toMatchObject({ code: 'ERR_UNAVAILABLE', details: { retryAfterSeconds: 1 } });
    expect(failure.details.hint).toContain(hint);
    expect(failure.message).not.toContain('secret text');
    expect(await ask()).toEqual(token);
    expect(seen.loads).toBe(2);
  });

  test('a failure ahead of the first exchange is a warning', () => {
    const { loaded, lines } = open(async () => issued, failsOnce(new Error('x')));
    loaded.preload();
    expect(lines).toMatchObject([{ level: 'warning' }]);
    expect(String(lines[0]?.['message'])).toContain('cannot load the exchange: Error');
  });
});

describe('errors of the bundle', () => {
  test('a failed exchange is a ProxyError of the server', async () => {
    const failed: Outcome = {
      kind: 'failed',
      code: 'ERR_REJECTED',
      message: 'no',
      details: { aadsts: 700_213 },
    };
    const error = (await open(async () => failed).ask()) as ProxyError;
    expect(error).toBeInstanceOf(ProxyError);
    expect(error).toMatchObject({ code: 'ERR_REJECTED', details: { aadsts: 700_213 } });
  });

  test('at once or in a promise, it fails that exchange alone', async () => {
    const broken = new TypeError('broken');
    const now = open(() => {
      throw broken;
    });
    expect(await now.ask()).toBe(broken);
    expect(await open(() => Promise.reject(broken)).ask()).toBe(broken);
    expect(now.seen.loads).toBe(1);
  });

  const later: readonly [string, () => void][] = [
    ['in a timer', () => void setTimeout(failsOnce(new Error('eyJtoken')), 1)],
    ['in a microtask', () => queueMicrotask(failsOnce(new Error('eyJtoken')))],
    ['in an immediate', () => void setImmediate(failsOnce(new Error('eyJtoken')))],
    [
      'as an error event that nobody listens for',
      () => void setTimeout(() => new EventEmitter().emit('error', new Error('eyJtoken')), 1),
    ],
  ];
  test.each(later)(
    '%s, it fails the exchanges under way and reloads the bundle',
    async (_, provoke) => {
      let isFirst = true;
      const { loaded, ask, seen, lines } = open(async () => {
        if (!isFirst) return issued;
        isFirst = false;
        provoke();
        return new Promise<never>(() => {});
      });
      let failure: Promise<unknown> = Promise.resolve();
      const contained = await contain(loaded, () => {
        failure = ask();
      });
      expect(contained).toBe(true);
      expect(await failure).toMatchObject({
        code: 'ERR_UNAVAILABLE',
        details: { retryAfterSeconds: 1 },
      });
      expect(await ask()).toEqual(token);
      expect(seen).toEqual({ loads: 2, closes: 1 });
      expect(lines).toMatchObject([{ level: 'error', error: 'Error', in_flight: 1 }]);
      expect(String(lines[0]?.['stack'])).toContain('load-exchange.test.ts');
      expect(JSON.stringify(lines)).not.toContain('eyJtoken');
    },
  );

  test('that repeats does not fill the log', async () => {
    const fault = new Error('broken');
    const { clock, loaded, ask, lines } = open(
      () => {
        for (let count = 0; count < 100; count += 1) loaded.containFault(fault);
        return Promise.reject(fault);
      },
      undefined,
      new Error('closing fails as well'),
    );
    for (let count = 0; count < 10; count += 1) await ask();
    const toMessages = () => lines.map(({ message, suppressed }) => [message, suppressed]);
    const outside = 'the exchange failed outside of any request';
    const closing = 'closing the connections to Entra failed';
    expect(toMessages().filter(([message]) => message === outside)).toHaveLength(3);
    expect(toMessages().filter(([message]) => message === closing)).toHaveLength(3);
    await clock.advance(30_000);
    expect(toMessages().slice(6)).toEqual([
      [outside, 997],
      [closing, 7],
    ]);
  });

  test('that repeats is counted when the proxy stops', async () => {
    const fault = new Error('broken');
    const { loaded, ask, lines } = open(() => {
      for (let count = 0; count < 5; count += 1) loaded.containFault(fault);
      return Promise.reject(fault);
    });
    await ask();
    await loaded.close();
    expect(lines.at(-1)).toMatchObject({ error: 'Error', suppressed: 2 });
  });

  test('a fault from elsewhere is not its business', async () => {
    const { loaded, ask, seen, lines } = open(async () => issued);
    await ask();
    const provoke = () => void setTimeout(failsOnce(new Error('elsewhere')), 1);
    expect(await contain(loaded, provoke)).toBe(false);
    await ask();
    expect(seen.loads).toBe(1);
    expect(lines).toEqual([]);
  });

  test('what runs after an exchange, runs outside of it', async () => {
    const { loaded, ask } = open(async () => issued);
    const provoke = () =>
      void ask().then(() => void setTimeout(failsOnce(new Error('elsewhere')), 1));
    expect(await contain(loaded, provoke)).toBe(false);
  });
});

test('closing closes the connections, and a failure of that is a warning', async () => {
  const { loaded, ask, seen, lines } = open(async () => issued, undefined, new Error('eyJtoken'));
  await loaded.close();
  expect(seen.closes).toBe(0);
  await ask();
  await loaded.close();
  expect(seen.closes).toBe(1);
  expect(lines).toMatchObject([{ level: 'warning', error: 'Error' }]);
  expect(JSON.stringify(lines)).not.toContain('eyJtoken');
});
