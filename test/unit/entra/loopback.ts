import 'reflect-metadata';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import * as x509 from '@peculiar/x509';

export interface Certificates {
  /** PEM, of the CA that signed the others. */
  readonly ca: string;
  readonly key: string;
  /** For localhost and 127.0.0.1. */
  readonly good: string;
  readonly forAnotherName: string;
  readonly expired: string;
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

/** A TCP peer that does what it is told with each connection. */
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
): Promise<Peer> {
  return listen(createHttpsServer({ key, cert }, handler).on('tlsClientError', () => {}));
}

async function listen(server: Server): Promise<Peer> {
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
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
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

export async function readBody(message: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of message) text += String(chunk);
  return text;
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
