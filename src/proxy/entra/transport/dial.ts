import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { connect as connectTcp, isIP, type LookupFunction } from 'node:net';
import type { Duplex } from 'node:stream';
import type buildConnector from 'undici/lib/core/connect.js';
import { type Clock, systemClock } from '../../clock.ts';

/** A connection to one address that did not stand. */
export interface AddressFault {
  readonly address: string;
  readonly family: 4 | 6;
  /** Node's, such as ENETUNREACH; undefined if there was no answer at all. */
  readonly code: string | undefined;
}

/** Why no connection to a host stands. `code` says whether it is a matter of time. */
export class DialError extends Error {
  override readonly name = 'DialError';
  readonly code: string;
  /** Empty if the name had not been resolved. */
  readonly faults: readonly AddressFault[];
  readonly afterMs: number;

  constructor(faults: readonly AddressFault[], afterMs: number, cause?: unknown) {
    const list = faults.map(({ address, code = 'no answer' }) => `${address} ${code}`).join(', ');
    super(`no connection after ${afterMs} ms: ${list || 'the name was not resolved'}`, { cause });
    const answered = faults.find(({ code }) => code !== undefined && !isNoRoute(code));
    const isSilent = faults.length === 0 || faults.some(({ code }) => code === undefined);
    this.code = isSilent
      ? 'UND_ERR_CONNECT_TIMEOUT'
      : ((answered ?? faults[0])?.code ?? 'UND_ERR_CONNECT_TIMEOUT');
    this.faults = faults;
    this.afterMs = afterMs;
  }
}

/** Whether a code means that this machine has no way to the address. */
export function isNoRoute(code: string): boolean {
  return /^(ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL|EAFNOSUPPORT|ENETDOWN)$/.test(code);
}

/** Ends the attempts under way; the callback is not called any more. */
export interface Dialing {
  destroy(): void;
}

type DialCallback = (
  ...result: [error: null, socket: Duplex] | [error: Error, socket: undefined]
) => void;

export type Dial = (host: string, port: number, callback: DialCallback) => Dialing;

/** Makes a connection that HTTP can be spoken over. */
export type Connect = (...args: Parameters<ReturnType<typeof buildConnector>>) => Dialing;

export interface DialOptions {
  /** From the look-up to the connection. */
  readonly timeoutMs: number;
  readonly clock?: Clock | undefined;
  /** Stands in for the system's resolver. */
  readonly lookup?: LookupFunction | undefined;
  /** Stands in for TCP. */
  readonly connect?: typeof connectTcp | undefined;
}

/** RFC 8305, section 5: how long an address has the network for itself. */
const ATTEMPT_DELAY_MS = 250;

/** All get their turn within the timeout. A name of Entra has up to eight of each family. */
export const MAX_ADDRESSES = 16;

/**
 * Connects to the first address of a host that answers ("Happy Eyeballs", RFC 8305). A slow attempt
 * continues while others begin; Node's own gives up each after 250 or 500 ms, so that a handshake that takes
 * longer never succeeds as soon as the name has addresses of both families (nodejs/node#54359). An address
 * that this machine has no route to fails at once and costs nothing.
 */
export function createDial({
  timeoutMs,
  clock = systemClock,
  lookup,
  connect = connectTcp,
}: DialOptions): Dial {
  const resolve = createSharedLookup(lookup);

  return (host, port, callback) => {
    const startedAtMs = clock.monotonicMs();
    const connecting = new Map<Duplex, AddressFault>();
    const faults: AddressFault[] = [];
    let waiting: LookupAddress[] = [];
    let isDone = false;
    let cancelDelay = (): void => {};

    const end = (): void => {
      isDone = true;
      cancelDelay();
      cancelTimeout();
      for (const socket of connecting.keys()) socket.destroy();
      connecting.clear();
    };
    const fail = (cause?: unknown): void => {
      const all = [...faults, ...connecting.values()];
      end();
      callback(new DialError(all, Math.round(clock.monotonicMs() - startedAtMs), cause), undefined);
    };
    const cancelTimeout = clock.after(timeoutMs, () => fail());

    const attemptNext = (): void => {
      cancelDelay();
      const next = waiting.shift();
      if (next === undefined) {
        if (connecting.size === 0) fail();
        return;
      }
      const { address } = next;
      const family = next.family === 6 ? 6 : 4;
      const socket = connect({ host: address, port, family });
      connecting.set(socket, { address, family, code: undefined });
      socket.setNoDelay(true);
      socket.once('connect', () => {
        if (isDone) return;
        connecting.delete(socket);
        end();
        callback(null, socket);
      });
      socket.on('error', ({ code }: NodeJS.ErrnoException) => {
        // Not for one that stands or has lost the race: whoever uses a socket hears of its errors as well.
        if (!connecting.delete(socket)) return;
        faults.push({ address, family, code: code ?? 'unknown fault' });
        attemptNext();
      });
      cancelDelay = clock.after(ATTEMPT_DELAY_MS, attemptNext);
    };

    const begin = (addresses: readonly LookupAddress[]): void => {
      if (isDone) return;
      waiting = interleave(addresses).slice(0, MAX_ADDRESSES);
      attemptNext();
    };
    const literal = isIP(host);
    if (literal !== 0) {
      begin([{ address: host, family: literal }]);
    } else {
      resolve(host, { all: true }, (error, addresses) => {
        if (isDone) return;
        if (error === null) {
          begin(addresses as LookupAddress[]);
          return;
        }
        end();
        callback(error, undefined);
      });
    }
    return { destroy: end };
  };
}

/** Without the brackets that an IPv6 address has in a URL. */
export function toHostname(urlHostname: string): string {
  return urlHostname.replace(/^\[|\]$/g, '');
}

/** The families in turn, beginning with the one that the resolver prefers. */
function interleave(addresses: readonly LookupAddress[]): LookupAddress[] {
  const preferred = addresses.filter(({ family }) => family === addresses[0]?.family);
  const others = addresses.filter(({ family }) => family !== addresses[0]?.family);
  const longest = Math.max(preferred.length, others.length);
  return Array.from({ length: longest }, (_, index) => [preferred[index], others[index]])
    .flat()
    .filter((address) => address !== undefined);
}

type Answer = Parameters<Parameters<LookupFunction>[2]>;

/**
 * Lets all who ask for the same name at the same time wait for one look-up. Each holds a thread of Node's
 * pool until the resolver gives up, long after the connection that wanted it has timed out; a few of them
 * would leave no thread to read the token file with.
 */
export function createSharedLookup(lookup: LookupFunction = systemLookup as LookupFunction) {
  const waiting = new Map<string, ((...answer: Answer) => void)[]>();

  const shared: LookupFunction = (hostname, options, callback) => {
    const key = JSON.stringify([hostname, options]);
    const others = waiting.get(key);
    if (others !== undefined) {
      others.push(callback);
      return;
    }
    const callbacks = [callback];
    waiting.set(key, callbacks);
    lookup(hostname, options, (...answer: Answer) => {
      waiting.delete(key);
      for (const each of callbacks) each(...answer);
    });
  };
  return shared;
}
