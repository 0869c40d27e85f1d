import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import type { Logger } from '../../shared/logger.ts';
import { metadataAddress } from '../../shared/redirect-contract.ts';
import type { Backend } from '../backends/backend.ts';
import { InitFailure } from '../failures.ts';
import { addressIn, isInNetwork, isInRange, type Network } from '../rules/network.ts';
import type { Exemption, Redirect } from '../rules/ruleset.ts';

const deadlineMs = 1_500;

/** A new random UUID at each read; node:crypto, for that alone, would add a quarter to Node's start. */
export const nonceSource = '/proc/sys/kernel/random/uuid';

/** What a proof needs to know of the rules while it runs. */
export interface RuleReader {
  /** The backend that the rules are in force with. */
  readonly backend: Backend;
  /** What its redirecting rules had counted before the proof began. */
  readonly redirectedPackets: number;
  /** Every rule at the hook of the redirect, of all backends, for the failure message. */
  readOutput(): Promise<string>;
}

/** The ids that this process connects with. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Proves by connections that each destination is redirected: a nonce that only our own listener on the
 * proxy's port can have sent or, if that port is taken, a redirecting rule whose counter moved.
 * @throws InitFailure `itself-exempt`, `not-redirected` or `no-answer`
 */
export async function verifyRedirect(
  redirect: Redirect,
  rules: RuleReader,
  credentials: Credentials,
  log: Logger,
): Promise<void> {
  if (isExempt(redirect.exemption, credentials)) {
    throw new InitFailure('itself-exempt', { ...credentials });
  }
  const nonce = readFileSync(nonceSource, 'utf8').trim();
  const { target } = redirect;
  const stopServing = target.kind === 'local' ? await serveNonce(target.port, nonce) : undefined;
  try {
    for (const [index, destination] of redirect.destinations.entries()) {
      const address = toProbeAddress(destination);
      const { from: port } = redirect.ports;
      const countedSoFar = rules.redirectedPackets + index;
      if (stopServing !== undefined) await proveByNonce(address, port, nonce, countedSoFar, rules);
      else await proveByCounter(address, port, redirect, rules, log);
      const method = stopServing === undefined ? 'counter' : 'nonce';
      log.log('info', 'redirect verified', { address: `${address}:${port}`, method });
    }
  } finally {
    stopServing?.();
  }
}

async function proveByNonce(
  address: string,
  port: number,
  nonce: string,
  countedSoFar: number,
  rules: RuleReader,
): Promise<void> {
  const attempt = await attemptConnection(address, port, nonce.length, deadlineMs);
  if (attempt.kind === 'answered' && attempt.text === nonce) return;
  // The rule redirected the connection, and nothing answered.
  if (attempt.kind === 'timeout' && (await countRedirected(rules)) > countedSoFar) {
    throw new InitFailure('no-answer');
  }
  throw await toNotRedirected(address, port, rules);
}

async function proveByCounter(
  address: string,
  port: number,
  { target }: Redirect,
  rules: RuleReader,
  log: Logger,
): Promise<void> {
  const before = await countRedirected(rules);
  const attempt = await attemptConnection(address, port, 0, deadlineMs);
  if ((await countRedirected(rules)) <= before) throw await toNotRedirected(address, port, rules);
  if (attempt.kind === 'answered') return;
  if (target.kind === 'local' && attempt.kind === 'timeout') throw new InitFailure('no-answer');
  log.log('warning', 'redirected, but the proxy does not answer yet', {
    reason: attempt.kind === 'refused' ? attempt.code : attempt.kind,
  });
}

async function countRedirected({ backend }: RuleReader): Promise<number> {
  return (await backend.read()).redirectedPackets;
}

async function toNotRedirected(
  address: string,
  port: number,
  rules: RuleReader,
): Promise<InitFailure> {
  return new InitFailure('not-redirected', { address, port, output: await rules.readOutput() });
}

export function isExempt(exemption: Exemption, { uid, gid }: Credentials): boolean {
  switch (exemption.kind) {
    case 'uid':
      return isInRange(uid, exemption.uid);
    case 'uid+gid':
      return isInRange(uid, exemption.uid) && isInRange(gid, exemption.gid);
    case 'alias-port':
    case 'none':
      return false;
  }
}

/** One address stands for a network: Azure's if it is inside, else the first that a host can have. */
export function toProbeAddress(destination: Network): string {
  if (isInNetwork(metadataAddress, destination)) return metadataAddress;
  return destination.prefix > 30 ? destination.address : addressIn(destination, 1);
}

/** How a connection went; `text` is all that the other end sent before it closed. */
export type Attempt =
  | { readonly kind: 'answered'; readonly text: string }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'timeout' };

/** Connects, sends nothing and reads until the other end closes or has sent `enough` characters. */
export function attemptConnection(
  address: string,
  port: number,
  enough: number,
  deadlineMs: number,
): Promise<Attempt> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host: address, port });
    const finish = (attempt: Attempt): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(attempt);
    };
    const timer = setTimeout(() => finish({ kind: 'timeout' }), deadlineMs);
    const finishIfEnough = (): void => {
      if (text.length >= enough) finish({ kind: 'answered', text });
    };
    socket.setEncoding('utf8');
    socket.once('connect', finishIfEnough);
    socket.on('data', (chunk: string) => {
      text += chunk;
      finishIfEnough();
    });
    socket.once('end', () => finish({ kind: 'answered', text }));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      finish({ kind: 'refused', code: error.code ?? error.message });
    });
  });
}

/**
 * Listens on a port of 127.0.0.1 and sends the nonce to everyone who connects.
 * @returns a function that stops it, and leaves nothing behind that keeps this process alive; undefined if
 * the port is taken, usually by the proxy
 */
export function serveNonce(port: number, nonce: string): Promise<(() => void) | undefined> {
  return new Promise((resolve) => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.on('error', () => {});
      socket.end(nonce);
    });
    const stop = (): void => {
      server.close();
      // Anybody in the namespace may have connected, and need never close.
      for (const socket of sockets) socket.destroy();
    };
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(stop));
  });
}
