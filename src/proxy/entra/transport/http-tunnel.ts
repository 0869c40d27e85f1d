import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type SecureContext } from 'node:tls';
import type buildConnector from 'undici/lib/core/connect.js';
import { type Connect, type Dial, type Dialing, toHostname } from './dial.ts';
import { explainFault, type Fault } from './explained-fault.ts';

interface TunnelDeps {
  readonly dial: Dial;
  readonly speakTls: ReturnType<typeof buildConnector>;
  /** Vouches for an HTTP proxy with TLS; undefined for the CAs of Node. */
  readonly secureContext: SecureContext | undefined;
}

/**
 * A connector that requests a tunnel from an HTTP proxy (CONNECT, RFC 9110 section 9.3.6) and lets `speakTls`
 * speak TLS through it. Node's own client sends the request: undici's would load most of undici for it and did
 * not end a CONNECT that is never answered.
 * @param httpProxy http or https; its user and password go to the proxy alone.
 * @param timeoutMs until the tunnel stands; TLS through it has its own.
 */
export function createTunnelConnector(
  { dial, speakTls, secureContext }: TunnelDeps,
  httpProxy: string,
  timeoutMs: number,
): Connect {
  const proxy = new URL(httpProxy);
  const authorization = toAuthorization(proxy);

  return (options, callback) => {
    const target = toTarget(options);
    let current: Dialing;
    let isSettled = false;
    const settle = (): boolean => {
      const isFirst = !isSettled;
      isSettled = true;
      clearTimeout(timer);
      return isFirst;
    };
    const fail = (fault: Fault, cause?: unknown): void => {
      if (!settle()) return;
      current.destroy();
      callback(explainFault(fault, cause));
    };
    const timer = setTimeout(() => fail(toSilence(proxy, timeoutMs)), timeoutMs);

    const ask = (socket: Duplex): void => {
      current = socket;
      // Loaded here, because most pods need no HTTP proxy.
      const { request } = process.getBuiltinModule('node:http');
      const asking = request({
        method: 'CONNECT',
        path: target,
        headers: { host: target, ...authorization },
        createConnection: () => socket,
      });
      // Node emits this for an answer of any status.
      asking.on('connect', ({ statusCode = 0 }: IncomingMessage, tunnel: Duplex, head: Buffer) => {
        if (statusCode < 200 || statusCode > 299) {
          fail(toRefusal(proxy, target, statusCode));
          return;
        }
        if (!settle()) return;
        if (head.length > 0) tunnel.unshift(head);
        current = speakTls({ ...options, httpSocket: tunnel }, callback);
      });
      asking.on('error', (error) => fail(toBrokenConnection(proxy, error), error));
      asking.end();
    };

    const host = toHostname(proxy.hostname);
    const isTls = proxy.protocol === 'https:';
    current = dial(host, Number(proxy.port || (isTls ? 443 : 80)), (error, socket) => {
      if (error !== null) fail(toBrokenConnection(proxy, error), error);
      else ask(isTls ? toTlsSocket(socket, host, secureContext) : socket);
    });
    return {
      destroy() {
        settle();
        current.destroy();
      },
    };
  };
}

function toTarget({ hostname, port }: Parameters<Connect>[0]): string {
  const host = toHostname(hostname);
  return `${host.includes(':') ? `[${host}]` : host}:${port === '' ? 443 : port}`;
}

function toTlsSocket(
  socket: Duplex,
  host: string,
  secureContext: SecureContext | undefined,
): Duplex {
  return connectTls({
    socket,
    host,
    ...(isIP(host) === 0 && { servername: host }),
    ...(secureContext !== undefined && { secureContext }),
    ALPNProtocols: ['http/1.1'],
  });
}

function toAuthorization({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
}

function toSilence({ host }: URL, afterMs: number): Fault {
  return {
    means: 'ERR_TIMEOUT',
    description: `The HTTP proxy ${host} opened no connection within ${afterMs / 1_000} s.`,
    hint: toHint(host),
    retry: 'transient',
  };
}

function toBrokenConnection({ host }: URL, error: Error): Fault {
  const code = (error as NodeJS.ErrnoException).code ?? error.name;
  return {
    means: 'ERR_UNAVAILABLE',
    description: `The connection to the HTTP proxy ${host} failed (${code}).`,
    hint: toHint(host),
    retry: 'transient',
  };
}

function toRefusal({ host }: URL, target: string, status: number): Fault {
  const description = `The HTTP proxy ${host} refused a connection to ${target} with status ${status}.`;
  if (status === 407) {
    const hint =
      'Set user and password of the HTTP proxy: HTTPS_PROXY=http://user:password@host:port.';
    return { means: 'ERR_UNAVAILABLE', description, hint, retry: 'none' };
  }
  const hint = `Ask for the HTTP proxy to allow CONNECT to ${target}. If the host can be reached without the proxy, add it to NO_PROXY.`;
  return {
    means: 'ERR_UNAVAILABLE',
    description,
    hint,
    retry: status >= 500 ? 'transient' : 'none',
  };
}

function toHint(host: string): string {
  return `Check HTTPS_PROXY, and that NetworkPolicy and firewall let the pod reach ${host}. Add hosts that need no HTTP proxy to NO_PROXY.`;
}
