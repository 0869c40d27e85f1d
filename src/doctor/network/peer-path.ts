import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Clock } from '../../proxy/clock.ts';
import { deadlines, withDeadline } from '../../proxy/deadlines.ts';
import type { ReadCa } from '../../proxy/entra/transport/ca-file.ts';
import { createDial, DialError, toHostname } from '../../proxy/entra/transport/dial.ts';
import { createTunnelConnector } from '../../proxy/entra/transport/http-tunnel.ts';
import { type CertificateFacts, toChain } from './certificate.ts';
import { getOver, type HttpAnswer } from './http-get.ts';
import { once } from './once.ts';

/** Where a path leads, and how. */
export interface PathOptions {
  /** `https://host[:port]`; a path in it does not matter. */
  readonly url: string;
  /** With user and password, if it needs them. */
  readonly httpProxy?: string | undefined;
  /** TLS server name, if not the host of the URL. */
  readonly serverName?: string | undefined;
  /** Undefined: the CAs of Node. */
  readonly readCa?: ReadCa | undefined;
}

export interface TlsFacts {
  readonly socket: TLSSocket;
  readonly protocol: string;
  /** The name that was asked for and verified. */
  readonly serverName: string;
  /** As presented, also if nothing vouches for it. */
  readonly chain: readonly CertificateFacts[];
  /** Node's code of the reason; undefined if the certificate is good. */
  readonly fault: string | undefined;
}

export interface AnswerFacts extends HttpAnswer {
  /** The wall clock of this machine when the request was sent and when its answer was complete. */
  readonly sentAtMs: number;
  readonly receivedAtMs: number;
}

/**
 * The steps of one connection to a peer, each with the outcome of the earlier ones, so that each check judges
 * its own step. They are those of the proxy's own connections: the same dialling, CAs and tunnel. Every step
 * has a deadline, and is done once.
 */
export interface PeerPath {
  addresses(): Promise<readonly LookupAddress[]>;
  /** A TCP connection, or a tunnel of the HTTP proxy. @throws DialError, or an explained fault */
  connection(): Promise<Duplex>;
  /** @throws an error with a `code` unless there is a certificate to judge */
  tls(): Promise<TlsFacts>;
  /** Asks for a path, unless nothing vouches for the peer. @throws an error with a `code` */
  answer(path: string): Promise<AnswerFacts>;
}

export function createPeerPath(
  { clock }: { readonly clock: Clock },
  { url, httpProxy, serverName, readCa }: PathOptions,
): PeerPath {
  const { hostname: urlHostname, host, port } = new URL(url);
  const hostname = toHostname(urlHostname);
  const never = new AbortController().signal;

  const addresses = once(async () => {
    const literal = isIP(hostname);
    if (literal !== 0) return [{ address: hostname, family: literal }];
    const deadline = {
      afterMs: deadlines.connectMs,
      toError: () => new DialError([], deadlines.connectMs),
    };
    return withDeadline(clock, deadline, never, () => lookup(hostname, { all: true }));
  });

  const connection = once(() =>
    httpProxy === undefined
      ? dial(clock, hostname, Number(port || 443))
      : tunnel(clock, httpProxy, url),
  );

  const tls = once(async () => {
    const ca = await readCa?.(never);
    const socket = await connection();
    return speakTls(socket, serverName ?? hostname, ca);
  });

  return {
    addresses,
    connection,
    tls,
    async answer(path) {
      const { socket } = await tls();
      const sentAtMs = clock.epochMs();
      const answer = await getOver({ socket, host, path, timeoutMs: deadlines.connectMs });
      return { ...answer, sentAtMs, receivedAtMs: clock.epochMs() };
    },
  };
}

function dial(clock: Clock, hostname: string, port: number): Promise<Duplex> {
  const connect = createDial({ timeoutMs: deadlines.connectMs, clock });
  return new Promise((resolve, reject) => {
    connect(hostname, port, (error, socket) => {
      if (error === null) resolve(holdErrors(socket));
      else reject(error);
    });
  });
}

function tunnel(clock: Clock, httpProxy: string, url: string): Promise<Duplex> {
  const { hostname, port, protocol } = new URL(url);
  const connect = createTunnelConnector(
    {
      dial: createDial({ timeoutMs: deadlines.connectMs, clock }),
      // TLS through the tunnel is the next step here.
      speakTls: ({ httpSocket }, callback) => {
        if (httpSocket === undefined) throw new Error('a tunnel without a socket');
        callback(null, httpSocket);
        return httpSocket;
      },
      secureContext: undefined,
    },
    httpProxy,
    deadlines.connectMs,
  );
  return new Promise((resolve, reject) => {
    connect({ hostname, port, protocol }, (...result) => {
      if (result[0] === null) resolve(holdErrors(result[1]));
      else reject(result[0]);
    });
  });
}

/** The peer may close a connection between two steps. The next step notices. */
function holdErrors(socket: Duplex): Duplex {
  return socket.on('error', () => {});
}

function speakTls(
  socket: Duplex,
  name: string,
  ca: readonly string[] | undefined,
): Promise<TlsFacts> {
  return new Promise((resolve, reject) => {
    const secure = connectTls({
      socket,
      host: name,
      ...(isIP(name) === 0 && { servername: name }),
      ...(ca !== undefined && { ca: [...ca] }),
      ALPNProtocols: ['http/1.1'],
      // To show the certificate that nothing vouches for. Nothing is sent over such a connection.
      rejectUnauthorized: false,
    });
    const fail = (error: Error): void => {
      clearTimeout(timer);
      secure.destroy();
      reject(error);
    };
    const timer = setTimeout(
      () => fail(Object.assign(new Error('no handshake in time'), { code: 'ETIMEDOUT' })),
      deadlines.connectMs,
    );
    secure.on('error', fail);
    secure.once('close', () => fail(Object.assign(new Error('closed'), { code: 'ECONNRESET' })));
    secure.once('secureConnect', () => {
      clearTimeout(timer);
      const fault = secure.authorized ? undefined : String(secure.authorizationError);
      const chain = toChain(secure.getPeerX509Certificate());
      if (fault !== undefined) secure.destroy();
      resolve({
        socket: secure,
        protocol: secure.getProtocol() ?? '',
        serverName: name,
        chain,
        fault,
      });
    });
  });
}
