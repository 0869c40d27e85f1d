import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { toErrorCode } from '../../shared/small-file.ts';
import { getOver, type HttpAnswer } from './http-get.ts';
import { readSockets, type SocketRow } from './sockets.ts';

/** Where a connection came out. */
export type Trace =
  /** The kernel or the other end said no. */
  | { readonly kind: 'refused'; readonly code: string }
  /** No answer. */
  | { readonly kind: 'silent' }
  | {
      readonly kind: 'connected';
      /** The listener of this network namespace that has the other end; undefined if it is outside. */
      readonly receiver: Receiver | undefined;
      /** The answer to `GET /readyz`, which no metadata service has; undefined without an HTTP answer. */
      readonly answer: HttpAnswer | undefined;
    };

export interface Receiver {
  readonly port: number;
  /** The user that listens there. */
  readonly uid: number | undefined;
}

export const traceTimeoutMs = 1_500;

/** The kernel has the other end of a connection to this machine before the first answer, but not in no time. */
const looks = [0, 20, 80];

/**
 * Connects and finds the other end of the connection in the kernel's table of sockets. Its port of origin, which
 * the kernel chose for this connection alone, is the nonce: a socket of this network namespace whose remote end is
 * that port is where a redirect led to. This needs no permission, and no help of whoever listens.
 */
export async function traceConnection(
  { address, port }: { readonly address: string; readonly port: number },
  asUser: <T>(act: () => T) => Promise<T> = async (act) => act(),
): Promise<Trace> {
  const { socket, ended } = await asUser(() => startConnecting(address, port));
  const outcome = await ended;
  if (outcome !== 'connected') {
    socket.destroy();
    return outcome === 'silent' ? { kind: 'silent' } : { kind: 'refused', code: outcome.code };
  }
  const { localAddress = '', localPort = 0 } = socket;
  const receiver = await findReceiver(localAddress, localPort);
  const host = address.includes(':') ? `[${address}]` : address;
  const answer = await getOver({ socket, host, path: '/readyz', timeoutMs: traceTimeoutMs }).catch(
    () => undefined,
  );
  return { kind: 'connected', receiver, answer };
}

/** Listens to the socket at once: without a route it fails before anything else is done. */
function startConnecting(
  host: string,
  port: number,
): {
  readonly socket: Socket;
  readonly ended: Promise<'connected' | 'silent' | { readonly code: string }>;
} {
  const socket = connect({ host, port });
  const ended = new Promise<'connected' | 'silent' | { readonly code: string }>((resolve) => {
    const timer = setTimeout(() => resolve('silent'), traceTimeoutMs);
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve('connected');
    });
    socket.on('error', (error) => {
      clearTimeout(timer);
      resolve({ code: toErrorCode(error) });
    });
  });
  return { socket, ended };
}

async function findReceiver(address: string, port: number): Promise<Receiver | undefined> {
  for (const waitMs of looks) {
    if (waitMs > 0) await sleep(waitMs);
    const receiver = toReceiver(await readSockets(), address, port);
    if (receiver !== undefined) return receiver;
  }
  return undefined;
}

/** @param address of the connection's own end, as the socket says */
export function toReceiver(
  rows: readonly SocketRow[],
  address: string,
  port: number,
): Receiver | undefined {
  const plain = address.replace(/^::ffff:/, '');
  const other = rows.find((row) => row.remoteAddress === plain && row.remotePort === port);
  if (other === undefined) return undefined;
  // The socket itself may not have been accepted yet, and then belongs to nobody.
  const listener = rows.find((row) => row.isListening && row.localPort === other.localPort);
  return { port: other.localPort, uid: listener?.uid };
}
