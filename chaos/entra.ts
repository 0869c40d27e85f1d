import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { sleep } from '../src/proxy/clock.ts';
import type { TokenProxyPeer } from '../src/proxy/entra/settings.ts';
import { createTokenProxyCaReader } from '../src/proxy/entra/transport/ca-file.ts';
import { DialError } from '../src/proxy/entra/transport/dial.ts';
import type { HttpReply, Transport } from '../src/proxy/entra/transport/transport.ts';
import type { Logger } from '../src/shared/logger.ts';
import { jsonReply, refusalReply, tokenReply } from '../test/unit/entra/support.ts';
import type { ActiveFaults } from './faults.ts';
import type { PodTime } from './pod-time.ts';
import { toFault } from './token-file.ts';

const SECOND_MS = 1_000;
const HOUR_S = 3_600;

/** Two certificates, as the proxy writes them: that of the token proxy, and the one after a rotation. */
const certificates = [toPem(rootCertificates[0]), toPem(rootCertificates[1])] as const;

function toPem(certificate = ''): string {
  return new X509Certificate(certificate).toString();
}

/** A token that Entra has issued. */
export interface IssuedRecord {
  readonly clientId: string;
  /** The resource with `/.default`, as the request had it. */
  readonly scope: string;
  /** On the true clock of the pod. */
  readonly expiresAtMs: number;
  /** On the monotonic clock. */
  readonly issuedAtMs: number;
}

/** Entra and the way to it. */
export interface ChaosEntra {
  /** To Entra itself. */
  readonly transport: Transport;
  /** To the token proxy of AKS, which only the CA of the file vouches for. */
  createTokenProxyTransport(logger: Logger, ca: TokenProxyPeer['ca']): Transport;
  /** By the text of the token. */
  readonly issued: ReadonlyMap<string, IssuedRecord>;
  /** POSTs so far. */
  readonly posts: number;
  /** Drops the records of tokens that have expired, so that a long run does not fill the memory. */
  forgetExpired(): void;
}

export function createChaosEntra(
  time: PodTime,
  faults: ActiveFaults,
  random: () => number,
): ChaosEntra {
  const issued = new Map<string, IssuedRecord>();
  let posts = 0;
  let serial = 0;
  const never = <T>(signal: AbortSignal): Promise<T> =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  const pause = (ms: number, signal: AbortSignal): Promise<void> => sleep(time, ms, signal);

  /** What the network does to a request before Entra has it. */
  const travel = async (signal: AbortSignal): Promise<void> => {
    if (faults.has('network/name-unknown')) throw toFault('ENOTFOUND');
    if (faults.has('network/name-server-silent')) {
      await pause(5_000, signal);
      throw new DialError([], 5_000);
    }
    if (faults.has('network/name-server-slow')) await pause(2_000, signal);
    if (faults.has('network/name-server-failing')) throw toFault('EAI_AGAIN');
    if (faults.has('network/ipv6-only')) {
      throw new DialError([{ address: '2001:db8::1', family: 6, code: 'ENETUNREACH' }], 1);
    }
    if (faults.has('network/no-route')) {
      throw new DialError([{ address: '192.0.2.1', family: 4, code: 'ENETUNREACH' }], 1);
    }
    if (faults.has('network/link-down')) {
      await pause(3_000, signal);
      throw new DialError([{ address: '192.0.2.1', family: 4, code: 'EHOSTUNREACH' }], 3_000);
    }
    if (faults.has('network/refused')) throw toFault('ECONNREFUSED');
    const isLost = faults.has('network/lossy-link') && random() < 0.5;
    if (faults.has('network/silent') || isLost) {
      await pause(5_000, signal);
      throw new DialError([{ address: '192.0.2.1', family: 4, code: undefined }], 5_000);
    }
    if (faults.has('network/large-packets-lost')) {
      // TCP stands, and the server's certificate does not arrive.
      await pause(5_000, signal);
      throw toFault('UND_ERR_CONNECT_TIMEOUT');
    }
    if (faults.has('network/slow-link')) await pause(3_000, signal);
    if (faults.has('network/intercepted')) throw toFault('ERR_TLS_CERT_ALTNAME_INVALID');
    await pause(20 + 200 * random() ** 4, signal);
    if (faults.has('network/reset')) throw toFault('ECONNRESET');
    if (faults.has('network/cut-short')) throw toFault('UND_ERR_SOCKET');
  };

  const issue = (clientId: string, scope: string): HttpReply => {
    const { lifeS, refreshInS } = faults.has('entra/short-lived-tokens')
      ? { lifeS: 20 + Math.floor(280 * random()), refreshInS: undefined }
      : toLife(scope, random);
    const text = `token-${serial}`;
    serial += 1;
    issued.set(text, {
      clientId,
      scope,
      expiresAtMs: time.trueMs + lifeS * SECOND_MS,
      issuedAtMs: time.monotonicMs(),
    });
    return tokenReply({
      access_token: text,
      expires_in: lifeS,
      ext_expires_in: lifeS,
      ...(refreshInS !== undefined && { refresh_in: refreshInS }),
    });
  };

  const answer = async (form: URLSearchParams, signal: AbortSignal): Promise<HttpReply> => {
    if (faults.has('entra/hangs')) return never(signal);
    if (faults.has('entra/slow')) await pause(8_000, signal);
    if (faults.has('entra/unavailable')) {
      return jsonReply(503, { error: 'temporarily_unavailable' });
    }
    if (faults.has('entra/error-page')) {
      return {
        status: 502,
        headers: { 'content-type': 'text/html' },
        text: '<h1>Bad gateway</h1>',
      };
    }
    if (faults.has('entra/throttled-for-a-minute')) return throttle('60');
    if (faults.has('entra/throttled-without-a-time')) return throttle();
    if (faults.has('entra/throttled-for-two-seconds')) return throttle('2');
    if (faults.has('entra/not-a-token')) return jsonReply(200, { token_type: 'Bearer' });
    if (faults.has('entra/application-unknown')) return refusalReply(700_016);
    if (faults.has('entra/credential-unknown')) return refusalReply(700_213);
    const assertion = form.get('client_assertion') ?? '';
    if (faults.has('entra/assertion-refused') || isExpired(assertion, time.trueEpochMs)) {
      return refusalReply(700_024);
    }
    return issue(form.get('client_id') ?? '', form.get('scope') ?? '');
  };

  const post: Transport['post'] = async (_url, _headers, body, signal) => {
    posts += 1;
    await travel(signal);
    return answer(new URLSearchParams(body), signal);
  };

  return {
    issued,
    get posts() {
      return posts;
    },
    forgetExpired() {
      for (const [text, { expiresAtMs }] of issued) {
        if (expiresAtMs < time.trueMs) issued.delete(text);
      }
    },
    transport: { post },
    createTokenProxyTransport(logger, ca) {
      const readCa = createTokenProxyCaReader(
        { clock: time, logger, readFile: async () => readCaFile(faults) },
        ca,
      );
      if (readCa === undefined) throw new Error('a token proxy needs a CA');
      return {
        async post(url, headers, body, signal) {
          const trusted = await readCa(signal);
          const [now, next] = certificates;
          if (trusted?.includes(faults.has('ca/behind') ? next : now) !== true) {
            throw toFault('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
          }
          return post(url, headers, body, signal);
        },
      };
    },
  };
}

function readCaFile(faults: ActiveFaults): string {
  if (faults.has('ca/missing')) throw toFault('ENOENT');
  if (faults.has('ca/empty')) return '';
  if (faults.has('ca/garbage')) return '-----BEGIN CERTIFICATE-----\n';
  return certificates[0];
}

/** Resources differ in the life of their tokens, as those of app registrations and managed identities do. */
function toLife(
  scope: string,
  random: () => number,
): { readonly lifeS: number; readonly refreshInS?: number } {
  if (scope.includes('day')) return { lifeS: 24 * HOUR_S, refreshInS: 12 * HOUR_S };
  if (scope.includes('hour')) return { lifeS: HOUR_S };
  return { lifeS: HOUR_S + Math.floor(1_800 * random()) };
}

function throttle(retryAfter?: string): HttpReply {
  const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter };
  return jsonReply(429, { error: 'temporarily_unavailable' }, headers);
}

function isExpired(assertion: string, epochMs: number): boolean {
  const [, payload = ''] = assertion.split('.');
  const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp: number };
  return exp * SECOND_MS <= epochMs;
}
