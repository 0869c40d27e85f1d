import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../clock.ts';
import { ProxyError } from '../errors.ts';
import type { MetadataService } from '../protocol/target.ts';
import type { Forwarder, ForwardRequest, ForwardResult } from './pass-through.ts';
import { createRequestIds } from './reply.ts';

/** Which other paths of the metadata service are forwarded: none, the harmless ones, or attested too. */
export type PassThroughMode = 'off' | 'instance' | 'all';

export interface PassThroughOptions {
  readonly mode: PassThroughMode;
  /** Where the real metadata service is; 169.254.169.254:80 except in tests. */
  readonly upstream?: { readonly host: string; readonly port: number };
}

export type Answered = Extract<ForwardResult, { readonly kind: 'answered' }>;

/** Decides what is forwarded, and stops it for good once a request of ours comes back to us. */
export interface PassThroughGate {
  /** Whether requests for this service are forwarded at the moment. */
  isOpen(service: MetadataService): boolean;
  /**
   * Whether a request is one that this process has sent. If so, the redirect applies to the proxy
   * itself (it runs under another uid than the rules exempt), and the gate is closed.
   */
  isOwnRequest(rawHeaders: readonly string[]): boolean;
  /**
   * Forwards a request and gives the whole answer.
   * @throws ProxyError with ERR_PATH if there is no metadata service, ERR_THROTTLED if too many requests
   * wait for it, ERR_PASSTHROUGH if it failed.
   */
  forward(request: ForwardRequest, signal: AbortSignal): Promise<Answered>;
}

const connectMs = 1_000;
export const totalMs = 5_000;
/** For how long nobody tries again after the metadata address could not be connected to. */
const absentMs = 30_000;
/** The real service allows 5 requests a second. */
export const maxForwarded = 50;

export interface PassThroughDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called by the first request that is forwarded, and again after it failed. */
  readonly loadForwarder?: () => Promise<
    Pick<typeof import('./pass-through.ts'), 'createForwarder'>
  >;
}

export function createPassThroughGate(
  { clock, logger, loadForwarder = () => import('./pass-through.ts') }: PassThroughDeps,
  { mode, upstream = { host: '169.254.169.254', port: 80 } }: PassThroughOptions,
): PassThroughGate {
  // It keeps nothing secret: who guesses it from within the pod turns off what the pod alone can use.
  const marker = createRequestIds()();
  let loading: Promise<Forwarder> | undefined;
  let looped = false;
  let absentUntilMs = Number.NEGATIVE_INFINITY;
  let forwarded = 0;

  const load = async (): Promise<Forwarder> => {
    const { createForwarder } = await loadForwarder();
    return createForwarder({ clock }, upstream, marker);
  };

  const notFound = (message: string): ProxyError => new ProxyError('ERR_PATH', message);

  return {
    isOpen(service) {
      if (looped) return false;
      switch (mode) {
        case 'off':
          return false;
        case 'instance':
          return service !== 'attested';
        case 'all':
          return true;
        default:
          return mode satisfies never;
      }
    },

    isOwnRequest(rawHeaders) {
      // Whatever header holds the id, and whatever other proxies added to it, the request is ours.
      if (!rawHeaders.some((value) => value.includes(marker))) return false;
      if (!looped) {
        logger.log('error', 'pass-through is off: requests to the metadata service come back', {
          fix: 'run the proxy under the uid that proxy-init exempts (PROXY_UID, by default 1501), or set IMDS_PROXY_PASSTHROUGH=off if other metadata paths are not needed',
        });
      }
      looped = true;
      return true;
    },

    async forward(request, signal) {
      if (clock.monotonicMs() < absentUntilMs)
        throw notFound('no metadata service, as found before');
      if (forwarded >= maxForwarded) {
        throw new ProxyError('ERR_THROTTLED', 'too many requests are being passed through', {
          retryAfterSeconds: 1,
        });
      }
      forwarded += 1;
      try {
        loading ??= load().catch((error: unknown) => {
          loading = undefined;
          throw error;
        });
        const forwarder = await loading;
        const result = await forwarder.forward(request, { connectMs, totalMs, signal });
        if (looped) throw notFound('the metadata service cannot be reached past our own redirect');
        if (result.kind === 'answered' && isFinal(result.status)) return result;
        const reason = result.kind === 'failed' ? result.reason : `answered ${result.status}`;
        if (result.kind === 'failed' && result.phase === 'connect' && !signal.aborted) {
          absentUntilMs = clock.monotonicMs() + absentMs;
          throw notFound(`no metadata service: ${reason}`);
        }
        throw new ProxyError('ERR_PASSTHROUGH', `metadata service: ${reason}`);
      } finally {
        forwarded -= 1;
      }
    },
  };
}

/** The metadata service redirects nobody and switches no protocol. */
function isFinal(status: number): boolean {
  return status >= 200 && (status < 300 || status >= 400);
}
