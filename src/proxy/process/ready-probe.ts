import { connect } from 'node:net';
import { scanFlags } from '../../shared/flags.ts';
import { type Environment, resolveOptions } from '../../shared/options.ts';
import { writeStderr } from '../../shared/stderr.ts';
import type { Clock } from '../clock.ts';
import { probeOptions } from '../config/options-probe.ts';
import { type HostPort, isWildcard } from '../config/values.ts';

/** The kubelet runs `--probe` as postStart hook and kills the container when it fails. */
const deadlineMs = 10_000;
/** One attempt. A proxy that is up answers within milliseconds. */
const attemptMs = 1_000;
/** Between attempts. The proxy may be starting under a small CPU quota, which this process shares. */
const pauseMs = 50;

/** Why an attempt failed, for people; undefined if the proxy is ready. */
export type NotReady = string | undefined;

export interface ProbeDeps {
  /** Its timers must keep the process alive: between two attempts nothing else does. */
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  readonly attempt: (endpoint: HostPort, timeoutMs: number) => Promise<NotReady>;
}

const waitingClock: ProbeDeps['clock'] = {
  // The first use of `performance` would load another module.
  monotonicMs: () => process.uptime() * 1_000,
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/**
 * Runs `--probe` if the command line asks for it.
 * @returns the exit code, or undefined if it asks for something else or is malformed
 */
export async function runProbe(
  argv: readonly string[],
  env: Environment,
  deps: ProbeDeps = {
    clock: waitingClock,
    attempt: (endpoint, timeoutMs) => attemptReadyz(waitingClock, endpoint, timeoutMs),
  },
  complain: (line: string) => void = writeStderr,
): Promise<number | undefined> {
  // Nothing else may stop a probe: the other settings are the server's business, and loading their table
  // would cost the probe a tenth of its time.
  const scan = scanFlags(probeOptions, argv, { unknown: 'skip' });
  if (scan.kind !== 'flags' || scan.rest.length > 0) return undefined;
  const resolution = resolveOptions(probeOptions, scan.texts, env);
  const { values } = resolution;
  if (values.probe !== true || values.version === true) return undefined;
  for (const error of resolution.errors) complain(`failed to probe: ${error}\n`);
  if (values.bindAddress === undefined || values.proxyPort === undefined) return 1;

  const endpoint = toProbedEndpoint({ address: values.bindAddress, port: values.proxyPort });
  const failure = await untilReady(deps, endpoint);
  if (failure === undefined) return 0;
  complain(
    `failed to probe: ${toUrl(endpoint)} not ready within ${deadlineMs / 1_000} s: ${failure}; look at the proxy's log, and check that it has the same ${resolution.names.proxyPort}\n`,
  );
  return 1;
}

async function untilReady({ clock, attempt }: ProbeDeps, endpoint: HostPort): Promise<NotReady> {
  const giveUpAtMs = clock.monotonicMs() + deadlineMs;
  let failure: NotReady;
  for (;;) {
    const leftMs = giveUpAtMs - clock.monotonicMs();
    // On a busy machine the pause may have lasted until after the end.
    if (failure !== undefined && leftMs <= 0) return failure;
    const latest = await attempt(endpoint, Math.min(attemptMs, leftMs));
    if (latest === undefined) return undefined;
    // An attempt that the end cuts short may time out, which says nothing about the proxy.
    if (failure === undefined || leftMs >= attemptMs) failure = latest;
    if (clock.monotonicMs() + pauseMs >= giveUpAtMs) return failure;
    await new Promise<void>((resolve) => clock.after(pauseMs, resolve));
  }
}

/** Asks once over a bare socket: node:http would cost the probe a third of its time. */
export function attemptReadyz(
  clock: Pick<Clock, 'after'>,
  endpoint: HostPort,
  timeoutMs: number,
): Promise<NotReady> {
  return new Promise((resolve) => {
    const socket = connect({ host: endpoint.address, port: endpoint.port });
    const settle = (failure: NotReady): void => {
      cancel();
      socket.destroy();
      resolve(failure);
    };
    const cancel = clock.after(timeoutMs, () => settle(`no answer within ${timeoutMs / 1_000} s`));

    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      const [, status] = /^HTTP\/1\.[01] ([0-9]{3})\b/.exec(answer) ?? [];
      if (status !== undefined) settle(status === '200' ? undefined : `status ${status}`);
      else if (answer.length > 16) settle('the answer is not HTTP');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      settle(error.code === 'ECONNREFUSED' ? 'connection refused' : error.message);
    });
    socket.on('close', () => settle('the connection was closed without an answer'));
    const host = toUrl(endpoint).slice('http://'.length, -'/readyz'.length);
    socket.write(`GET /readyz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  });
}

/** Where a proxy is asked that listens there: on loopback if it listens on every address. */
export function toProbedEndpoint({ address, port }: HostPort): HostPort {
  if (!isWildcard(address)) return { address, port };
  return { address: address === '::' ? '::1' : '127.0.0.1', port };
}

function toUrl({ address, port }: HostPort): string {
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}/readyz`;
}
