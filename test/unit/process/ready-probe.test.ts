import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../src/proxy/clock.ts';
import type { HostPort } from '../../../src/proxy/config/values.ts';
import { attemptReadyz, type NotReady, runProbe } from '../../../src/proxy/process/ready-probe.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';

/** Runs the probe against scripted tries; the last one repeats. */
function probe(
  argv: readonly string[],
  tries: readonly NotReady[],
  env: Readonly<Record<string, string>> = {},
): {
  readonly clock: ManualClock;
  readonly asked: HostPort[];
  readonly complaints: string[];
  readonly exitCode: Promise<number | undefined>;
} {
  const clock = createManualClock();
  const asked: HostPort[] = [];
  const complaints: string[] = [];
  const attempt = (endpoint: HostPort): Promise<NotReady> => {
    asked.push(endpoint);
    return Promise.resolve(tries[Math.min(asked.length, tries.length) - 1]);
  };
  const exitCode = runProbe(argv, env, { clock, attempt }, (line) => complaints.push(line));
  return { clock, asked, complaints, exitCode };
}

describe('when it runs', () => {
  test.each([
    ['--probe'],
    ['-probe'],
    ['--probe=true'],
    ['--proxy-port=1', '--probe', '--log-level='],
    // Settings of the server, and what this version does not know: neither may fail a probe.
    ['--log-level', 'info', '--probe'],
    ['--log-level', '--probe'],
    ['--probe', '--nope'],
    ['--nope', 'x', '--probe', '--nope=x'],
  ])('%j', async (...argv) => {
    expect(await probe(argv, [undefined]).exitCode).toBe(0);
  });

  test.each([
    [['--probe=false']],
    [['--', '--probe']],
    [['--probe', '--help']],
    [['--probe', '--version']],
    [['--probe', 'x']],
    [[]],
  ])('%j is for others to answer', async (argv) => {
    const { exitCode, asked } = probe(argv, [undefined]);
    expect(await exitCode).toBeUndefined();
    expect(asked).toEqual([]);
  });

  test.each([
    'allowed-hosts',
    'admin-port',
    'admin-address',
    'identities',
    'allowed-client-ids',
    'allowed-resources',
    'passthrough',
    'metadata-endpoint',
    'exchanger-linger',
    'exchanger-prestart',
    'drain-quiet',
    'drain-deadline',
    'log-level',
  ])("stands beside --%s, whose value is the server's business", async (flag) => {
    expect(await probe([`--${flag}`, 'nonsense', '--probe'], [undefined]).exitCode).toBe(0);
  });
});

describe('whom it asks', () => {
  test.each([
    [[], {}, '127.0.0.1', 8000],
    [['--proxy-port=0x1F41'], {}, '127.0.0.1', 8001],
    [[], { IMDS_PROXY_PROXY_PORT: '8002' }, '127.0.0.1', 8002],
    [['--bind-address=10.0.0.1'], {}, '10.0.0.1', 8000],
    [[], { IMDS_PROXY_BIND_ADDRESS: '0.0.0.0' }, '127.0.0.1', 8000],
    [[], { IMDS_PROXY_BIND_ADDRESS: '::' }, '::1', 8000],
  ] as const)('%j %j', async (argv, env, address, port) => {
    const { exitCode, asked } = probe([...argv, '--probe'], [undefined], env);
    await exitCode;
    expect(asked).toEqual([{ address, port }]);
  });

  test('nobody, if port or address are wrong', async () => {
    const { exitCode, asked, complaints } = probe(
      ['--probe', '--proxy-port=0', '--bind-address=localhost'],
      [undefined],
    );
    expect(await exitCode).toBe(1);
    expect(asked).toEqual([]);
    expect(complaints).toEqual([
      'failed to probe: --proxy-port: "0" is not a valid port; set a port number from 1 to 65535\n',
      'failed to probe: --bind-address: "localhost" is not an IP address; set an address such as 127.0.0.1, not a name\n',
    ]);
  });
});

describe('how long it asks', () => {
  test('an attempt that the end cuts short does not hide why the others failed', async () => {
    const clock = createManualClock();
    const complaints: string[] = [];
    const attempt = (_: HostPort, timeoutMs: number): Promise<NotReady> =>
      Promise.resolve(timeoutMs < 1_000 ? `no answer within ${timeoutMs / 1_000} s` : 'status 503');
    const exitCode = runProbe(['--probe'], {}, { clock, attempt }, (line) => complaints.push(line));
    await clock.advance(10_000);
    expect(await exitCode).toBe(1);
    expect(complaints[0]).toContain('status 503');
  });

  test('no attempt begins after the end, however late a pause ends', async () => {
    let nowMs = 0;
    const timeouts: number[] = [];
    const clock = {
      monotonicMs: () => nowMs,
      // A process that got no CPU for a second.
      after: (delayMs: number, callback: () => void) => {
        nowMs += delayMs + 1_000;
        setImmediate(callback);
        return () => {};
      },
    };
    const attempt = (_: HostPort, timeoutMs: number): Promise<NotReady> => {
      timeouts.push(timeoutMs);
      return Promise.resolve('status 503');
    };
    expect(await runProbe(['--probe'], {}, { clock, attempt }, () => {})).toBe(1);
    expect(Math.min(...timeouts)).toBeGreaterThan(0);
  });

  test('through refused connections and wrong answers until the proxy is ready', async () => {
    const tries = ['connection refused', 'connection refused', 'status 503', undefined];
    const { clock, exitCode, asked, complaints } = probe(['--probe'], tries);
    await clock.advance(1_000);
    expect(await exitCode).toBe(0);
    expect(asked).toHaveLength(4);
    expect(complaints).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('for 10 s, then it reports its last answer', async () => {
    const { clock, exitCode, asked, complaints } = probe(['--probe'], ['connection refused']);
    await clock.advance(9_900);
    expect(complaints).toEqual([]);
    await clock.advance(100);
    expect(await exitCode).toBe(1);
    expect(asked.length).toBeGreaterThan(100);
    expect(complaints).toEqual([
      "failed to probe: http://127.0.0.1:8000/readyz not ready within 10 s: connection refused; look at the proxy's log, and check that it has the same --proxy-port (IMDS_PROXY_PROXY_PORT)\n",
    ]);
  });
});

describe('one try', () => {
  async function listen(onConnection: (socket: Socket) => void): Promise<HostPort> {
    const sockets = new Set<Socket>();
    const server: Server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      onConnection(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('no address');
    return { address: address.address, port: address.port };
  }

  const answer = (text: string) => (socket: Socket) => {
    socket.on('data', () => socket.end(text));
  };

  test('sends a plain request and takes 200 for ready', async () => {
    let request = '';
    const endpoint = await listen((socket) => {
      socket.on('data', (chunk) => {
        request += chunk.toString();
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
      });
    });
    expect(await attemptReadyz(systemClock, endpoint, 5_000)).toBeUndefined();
    expect(request).toBe(
      `GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:${endpoint.port}\r\nConnection: close\r\n\r\n`,
    );
  });

  test.each([
    ['HTTP/1.1 503 Service Unavailable\r\n\r\n', 'status 503'],
    ['HTTP/1.0 404 Not Found\r\n\r\n', 'status 404'],
    ['HTTP/1.1 2000 Odd\r\n\r\n', 'the answer is not HTTP'],
    ['SSH-2.0-OpenSSH_9.9\r\n', 'the answer is not HTTP'],
    ['HTTP/1.1 2', 'the connection was closed without an answer'],
    ['', 'the connection was closed without an answer'],
  ])('%j does not mean ready', async (text, failure) => {
    expect(await attemptReadyz(systemClock, await listen(answer(text)), 5_000)).toBe(failure);
  });

  test('takes an answer that comes in pieces', async () => {
    const endpoint = await listen((socket) => {
      socket.setNoDelay(true);
      for (const piece of 'HTTP/1.1 200 OK\r\n\r\n') socket.write(piece);
    });
    expect(await attemptReadyz(systemClock, endpoint, 5_000)).toBeUndefined();
  });

  test('a refused connection is named', async () => {
    const endpoint = await listen(() => {});
    // Port 1 of another loopback address: nobody listens there.
    expect(await attemptReadyz(systemClock, { ...endpoint, address: '127.9.9.9' }, 5_000)).toBe(
      'connection refused',
    );
  });

  test('a proxy that accepts and says nothing costs one timeout', async () => {
    const clock = createManualClock();
    let connected = (): void => {};
    const connection = new Promise<void>((resolve) => {
      connected = resolve;
    });
    const endpoint = await listen(() => connected());
    const attempt = attemptReadyz(clock, endpoint, 1_000);
    await connection;
    await clock.advance(1_000);
    expect(await attempt).toBe('no answer within 1 s');
    expect(clock.pendingTimers).toBe(0);
  });
});
