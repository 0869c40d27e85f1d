import { describe, expect, test } from 'vitest';
import { EXCHANGE_BUDGET_MS } from '../../../src/proxy/entra/exchange/retry.ts';
import { ProxyError } from '../../../src/proxy/errors.ts';
import type { ExchangeRequest, IssuedToken } from '../../../src/proxy/exchange.ts';
import type { Command } from '../../../src/proxy/exchanger/messages.ts';
import {
  createRemoteExchange,
  type ExchangerEvents,
  STUCK_AFTER_MS,
} from '../../../src/proxy/exchanger/remote-exchange.ts';
import type { Logger } from '../../../src/shared/logger.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const request: ExchangeRequest = {
  identity: { clientId: 'a', tenantId: 't' },
  resource: 'https://vault.azure.net',
};
const token: IssuedToken = {
  accessToken: 'token',
  expiresInSeconds: 3600,
  extExpiresInSeconds: 3600,
  elapsedMs: 5,
};
const silent: Logger = { isEnabled: () => false, log: () => {} };
const never = new AbortController().signal;

/** A remote exchange whose processes are played by the test. */
function setUp() {
  const clock = createManualClock();
  const processes: {
    readonly sent: Command[];
    readonly events: ExchangerEvents;
    state: 'running' | 'ended' | 'killed';
  }[] = [];
  let rests = 0;
  const state: { startFault: Error | undefined } = { startFault: undefined };
  const remote = createRemoteExchange(
    {
      clock,
      onRest: () => {
        rests += 1;
      },
      logger: silent,
      start(events) {
        if (state.startFault !== undefined) throw state.startFault;
        const process = { sent: [] as Command[], events, state: 'running' as 'running' };
        processes.push(process);
        return {
          send: (command) => process.sent.push(command),
          end: () => Object.assign(process, { state: 'ended' }),
          kill: () => Object.assign(process, { state: 'killed' }),
        };
      },
    },
    { lingerMs: 60_000, stuckAfterMs: STUCK_AFTER_MS },
  );
  return { clock, processes, state, countRests: () => rests, ...remote };
}

/** The process that the remote exchange started as number `index`. */
function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`there is no number ${index}`);
  return item;
}

describe('remote exchange', () => {
  test('starts one process for everything in flight and hands out each reply to its own caller', async () => {
    const { exchange, processes } = setUp();
    const first = exchange(request, never);
    const second = exchange({ ...request, resource: 'api://b' }, never);
    expect(processes).toHaveLength(1);
    const { events, sent } = at(processes, 0);
    expect(sent.map((command) => command.type)).toEqual(['exchange', 'exchange']);
    events.reply({ type: 'issued', id: 2, token: { ...token, accessToken: 'second' } });
    events.reply({ type: 'issued', id: 1, token });
    expect((await first).accessToken).toBe('token');
    expect((await second).accessToken).toBe('second');
  });

  test('rebuilds the error of the other process with its code and details', async () => {
    const { exchange, processes } = setUp();
    const failed = exchange(request, never);
    const details = { aadsts: 700213, hint: 'change the subject' };
    const error = { code: 'ERR_REJECTED', message: 'refused', details } as const;
    at(processes, 0).events.reply({ type: 'failed', id: 1, error });
    await expect(failed).rejects.toSatisfy(
      (thrown) => thrown instanceof ProxyError && thrown.details.aadsts === 700213,
    );
  });

  test('the process leaves after the linger time without work, and no earlier', async () => {
    const { clock, exchange, processes } = setUp();
    const issued = exchange(request, never);
    at(processes, 0).events.reply({ type: 'issued', id: 1, token });
    await issued;
    await clock.advance(59_000);
    const again = exchange(request, never);
    at(processes, 0).events.reply({ type: 'issued', id: 2, token });
    await again;
    await clock.advance(59_000);
    expect(at(processes, 0).state).toBe('running');
    await clock.advance(1_000);
    expect(at(processes, 0).state).toBe('ended');
    expect(clock.pendingTimers).toBe(0);
    void exchange(request, never).catch(() => {});
    expect(processes).toHaveLength(2);
  });

  test('a process that was started ahead of need leaves too', async () => {
    const { clock, countRests, prestart, processes } = setUp();
    prestart();
    await clock.advance(59_999);
    expect(countRests()).toBe(0);
    await clock.advance(1);
    expect(at(processes, 0).state).toBe('ended');
    expect(countRests()).toBe(1);
  });

  test('never leaves while an exchange is in flight', async () => {
    const { clock, exchange, prestart, processes } = setUp();
    prestart();
    await clock.advance(50_000);
    void exchange(request, never).catch(() => {});
    await clock.advance(20_000);
    expect(at(processes, 0).state).toBe('running');
  });

  test('work of a process that dies is given to the next one, once', async () => {
    const { exchange, processes } = setUp();
    const issued = exchange(request, never);
    at(processes, 0).events.exited('SIGKILL');
    expect(at(processes, 1).sent).toEqual([{ type: 'exchange', id: 1, request }]);
    at(processes, 1).events.reply({ type: 'issued', id: 1, token });
    expect((await issued).accessToken).toBe('token');
  });

  test.each([
    ['SIGKILL', 'memory limit'],
    ['SIGABRT', 'memory limit'],
    ['exit code 1', 'log'],
    ['cannot start: spawn node EMFILE', 'file descriptors'],
    ['cannot start: spawn node ENFILE', 'file descriptors'],
    ['cannot start: spawn node EAGAIN', 'processes'],
    ['cannot start: spawn node ENOMEM', 'memory limit'],
    ['cannot start: spawn node EACCES', 'image'],
  ])(
    'work that two processes died over (%s) fails and says where to look: %s',
    async (reason, where) => {
      const { exchange, processes } = setUp();
      const failed = exchange(request, never);
      at(processes, 0).events.exited(reason);
      at(processes, 1).events.exited(reason);
      const error = await failed.catch((thrown: ProxyError) => thrown);
      expect(error).toMatchObject({ code: 'ERR_UNAVAILABLE' });
      const { hint = '' } = (error as ProxyError).details;
      expect(hint).toContain(where);
      expect(hint.includes('memory limit')).toBe(where === 'memory limit');
      expect(processes).toHaveLength(2);
    },
  );

  describe('when no process can be started at all', () => {
    const startFault = new Error('spawn node EMFILE');
    const unavailable = {
      code: 'ERR_UNAVAILABLE',
      details: { hint: expect.stringContaining('file descriptors') },
    };

    test('the caller is told, nothing is kept, and the next one finds a process', async () => {
      const { clock, exchange, processes, state } = setUp();
      state.startFault = startFault;
      await expect(exchange(request, never)).rejects.toMatchObject(unavailable);
      expect(clock.pendingTimers).toBe(0);
      state.startFault = undefined;
      const issued = exchange(request, never);
      // What had failed would be sent along if it were still known.
      at(processes, 0).events.exited('SIGKILL');
      expect(at(processes, 1).sent).toEqual([{ type: 'exchange', id: 2, request }]);
      at(processes, 1).events.reply({ type: 'issued', id: 2, token });
      expect((await issued).accessToken).toBe('token');
    });

    test('starting ahead of need is given up', () => {
      const { clock, prestart, state } = setUp();
      state.startFault = startFault;
      prestart();
      expect(clock.pendingTimers).toBe(0);
    });

    test('the work of a process that died fails, all of it', async () => {
      const { clock, exchange, processes, state } = setUp();
      const failures = [exchange(request, never), exchange(request, never)].map((one) =>
        expect(one).rejects.toMatchObject(unavailable),
      );
      state.startFault = startFault;
      at(processes, 0).events.exited('SIGKILL');
      await Promise.all(failures);
      expect(clock.pendingTimers).toBe(0);
    });
  });

  test('the death of a process that was let go is no event', async () => {
    const { clock, exchange, prestart, processes } = setUp();
    prestart();
    await clock.advance(60_000);
    void exchange(request, never).catch(() => {});
    at(processes, 0).events.exited('exit code 0');
    expect(processes).toHaveLength(2);
  });

  test('a stuck process is killed, its caller told, and the work of the others resent', async () => {
    const { clock, exchange, processes } = setUp();
    const stuck = exchange(request, never);
    const failure = expect(stuck).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    await clock.advance(10_000);
    const other = exchange({ ...request, resource: 'api://b' }, never);
    await clock.advance(STUCK_AFTER_MS - 10_000);
    await failure;
    expect(at(processes, 0).state).toBe('killed');
    at(processes, 0).events.exited('SIGKILL');
    at(processes, 1).events.reply({ type: 'issued', id: 2, token });
    expect((await other).accessToken).toBe('token');
  });

  test('a process that got the work from another is not stuck when the caller’s time is over', async () => {
    const { clock, exchange, processes } = setUp();
    const failed = expect(exchange(request, never)).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    await clock.advance(20_000);
    at(processes, 0).events.exited('SIGKILL');
    const other = exchange({ ...request, resource: 'api://b' }, never);
    await clock.advance(STUCK_AFTER_MS - 20_000);
    await failed;
    expect(at(processes, 1).state).toBe('running');
    expect(at(processes, 1).sent.at(-1)).toEqual({ type: 'cancel', id: 1 });
    at(processes, 1).events.reply({ type: 'issued', id: 2, token });
    expect((await other).accessToken).toBe('token');
    expect(processes).toHaveLength(2);
    // It leaves like any other.
    await clock.advance(60_000);
    expect(at(processes, 1).state).toBe('ended');
  });

  test('T21: a slow Entra is told of first, a stuck process in time for an answer within 25 s', () => {
    expect(STUCK_AFTER_MS - EXCHANGE_BUDGET_MS).toBeGreaterThanOrEqual(1_000);
    expect(25_000 - STUCK_AFTER_MS).toBeGreaterThanOrEqual(500);
  });

  test('an abort reaches the process and frees the caller at once', async () => {
    const { exchange, processes } = setUp();
    const controller = new AbortController();
    const aborted = exchange(request, controller.signal);
    controller.abort(new Error('stop'));
    await expect(aborted).rejects.toThrow('stop');
    expect(at(processes, 0).sent.at(-1)).toEqual({ type: 'cancel', id: 1 });
  });

  test('after stop nothing is started and what was in flight has failed', async () => {
    const { clock, exchange, processes, stop } = setUp();
    const inFlight = exchange(request, never);
    stop();
    await expect(inFlight).rejects.toMatchObject({ code: 'ERR_SHUTTING_DOWN' });
    await expect(exchange(request, never)).rejects.toMatchObject({ code: 'ERR_SHUTTING_DOWN' });
    expect(at(processes, 0).state).toBe('killed');
    expect(processes).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });
});
