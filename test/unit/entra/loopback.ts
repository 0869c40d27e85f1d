import 'reflect-metadata';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import * as x509 from '@peculiar/x509';

export interface Certificates {
  /** PEM, of the CA that signed the others. */
  readonly ca: string;
  readonly key: string;
  /** For localhost and 127.0.0.1. */
  readonly good: string;
  readonly forAnotherName: string;
  readonly expired: string;
  /** One for other names. */
  issue(names: x509.JsonGeneralNames): Promise<string>;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A throw-away CA and certificates for one key. */
export async function createCertificates(): Promise<Certificates> {
  const caKeys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=test CA ${crypto.randomUUID()}`,
    keys: caKeys,
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + 3_600_000),
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const issue = async (names: x509.JsonGeneralNames, startMs = -3_600_000, endMs = 3_600_000) => {
    const certificate = await x509.X509CertificateGenerator.create({
      subject: 'CN=test',
      issuer: ca.subject,
      publicKey: keys.publicKey,
      signingKey: caKeys.privateKey,
      notBefore: new Date(Date.now() + startMs),
      notAfter: new Date(Date.now() + endMs),
      extensions: [new x509.SubjectAlternativeNameExtension(names)],
    });
    return certificate.toString('pem');
  };
  const here: x509.JsonGeneralNames = [
    { type: 'dns', value: 'localhost' },
    { type: 'ip', value: '127.0.0.1' },
  ];
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  return {
    ca: ca.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString('base64')}\n-----END PRIVATE KEY-----\n`,
    good: await issue(here),
    forAnotherName: await issue([{ type: 'dns', value: 'elsewhere.example' }]),
    expired: await issue(here, -7_200_000, -3_600_000),
    issue,
  };
}

export interface Peer extends AsyncDisposable {
  readonly port: number;
  /** Connections that are open now. */
  readonly sockets: ReadonlySet<Socket>;
  /** Resolves as soon as so many connections have been made. */
  connections(count: number): Promise<void>;
  /** Resolves as soon as no connection is open. */
  quiet(): Promise<void>;
}

/** A TCP peer that handles each connection as told. */
export function startTcpPeer(onConnection: (socket: Socket) => void): Promise<Peer> {
  return listen(
    createServer((socket) => {
      onConnection(socket.on('error', () => {}));
      // A socket that nobody reads does not notice its end.
      socket.resume();
    }),
  );
}

export function startHttpsPeer(
  { key }: Certificates,
  cert: string,
  handler: RequestListener,
  host = '127.0.0.1',
): Promise<Peer> {
  return listen(
    createHttpsServer({ key, cert }, handler).on('tlsClientError', () => {}),
    host,
  );
}

/** As `startHttpsPeer`; its certificate can be changed while it runs. */
export async function startRotatingPeer(
  { key }: Certificates,
  cert: string,
  handler: RequestListener,
): Promise<Peer & { present(certificates: Certificates, cert: string): void }> {
  const server = createHttpsServer({ key, cert }, handler).on('tlsClientError', () => {});
  const peer = await listen(server);
  return Object.assign(peer, {
    present: (certificates: Certificates, next: string) =>
      server.setSecureContext({ key: certificates.key, cert: next }),
  });
}

async function listen(server: Server, host = '127.0.0.1'): Promise<Peer> {
  const sockets = new Set<Socket>();
  let made = 0;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const check of waiting) check();
  };
  server.on('connection', (socket: Socket) => {
    made += 1;
    sockets.add(socket);
    socket.on('close', () => {
      sockets.delete(socket);
      wake();
    });
    wake();
  });
  const until = (isSo: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!isSo()) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    connections: (count) => until(() => made >= count),
    quiet: () => until(() => sockets.size === 0),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

export interface ConnectProxy extends Peer {
  /** Of each CONNECT so far, in order. */
  readonly asked: readonly {
    readonly target: string;
    readonly authorization: string | undefined;
  }[];
}

/**
 * An HTTP proxy that knows CONNECT alone and writes down who asked for what.
 * @param answer a status other than 200, or what to do with the socket in place of an answer. Default: a
 * tunnel to the target, or to `upstreamPort` of this machine.
 */
export async function startConnectProxy({
  answer = 200,
  upstreamPort,
  tls,
}: {
  readonly answer?: number | ((socket: Socket) => void);
  readonly upstreamPort?: number;
  readonly tls?: { readonly key: string; readonly cert: string };
} = {}): Promise<ConnectProxy> {
  const asked: { target: string; authorization: string | undefined }[] = [];
  const server = tls === undefined ? createHttpServer() : createHttpsServer(tls);
  server.on('connect', ({ url = '', headers }: IncomingMessage, socket: Socket, head: Buffer) => {
    asked.push({ target: url, authorization: headers['proxy-authorization'] });
    socket.on('error', () => {});
    if (typeof answer === 'function') {
      // A socket of an HTTP server stays half open, and one that nobody reads does not notice its end.
      answer(socket.on('end', () => socket.destroy()).resume());
      return;
    }
    if (answer !== 200) {
      socket.end(`HTTP/1.1 ${answer} No\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const { hostname, port } = new URL(`tcp://${url}`);
    const host = hostname.replace(/^\[|\]$/g, '');
    const upstream = connect(
      upstreamPort === undefined ? { host, port: Number(port) } : { port: upstreamPort },
      () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream.write(head);
        upstream.pipe(socket).pipe(upstream);
      },
    );
    upstream.on('error', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
  });
  const peer = await listen(server);
  return Object.assign(peer, { asked });
}

export async function readBody(message: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of message) text += String(chunk);
  return text;
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
