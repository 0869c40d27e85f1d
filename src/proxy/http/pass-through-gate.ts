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

/** Decides which requests are forwarded. Turns forwarding off permanently if one of our requests comes back. */
export interface PassThroughGate {
  /** Whether requests for this service are forwarded now. */
  isOpen(service: MetadataService): boolean;
  /**
   * Whether this process sent the request. If so, the redirect applies to the proxy itself (its uid is not the
   * one that the rules exempt), and the gate is closed.
   */
  isOwnRequest(rawHeaders: readonly string[]): boolean;
  /**
   * Forwards a request and returns the whole answer.
   * @throws ProxyError with ERR_PATH if there is no metadata service, ERR_THROTTLED if too many requests
   * wait for it, ERR_PASSTHROUGH if it failed.
   */
  forward(request: ForwardRequest, signal: AbortSignal): Promise<Answered>;
}

const connectMs = 1_000;
export const totalMs = 5_000;
/** After a failed connection to the metadata address, how long no other is tried. */
const absentMs = 30_000;
/** The real service allows 5 requests a second. */
export const maxForwarded = 50;

export interface PassThroughDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called by the first forwarded request, and again if it failed. */
  readonly loadForwarder?: () => Promise<
    Pick<typeof import('./pass-through.ts'), 'createForwarder'>
  >;
}

export function createPassThroughGate(
  { clock, logger, loadForwarder = () => import('./pass-through.ts') }: PassThroughDeps,
  { mode, upstream = { host: '169.254.169.254', port: 80 } }: PassThroughOptions,
): PassThroughGate {
  // Not a secret: a process that guesses it turns off pass-through, for its own pod only.
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
      // Any header may hold the ID, and other proxies may have added to it.
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

/** The metadata service sends no redirects and switches no protocols. */
function isFinal(status: number): boolean {
  return status >= 200 && (status < 300 || status >= 400);
}
