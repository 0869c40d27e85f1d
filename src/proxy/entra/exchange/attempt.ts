import {
  AuthError,
  ConfidentialClientApplication,
  type INetworkModule,
  LogLevel,
  type NetworkRequestOptions,
  type NetworkResponse,
  type NodeSystemOptions,
} from '@azure/msal-node';
import type { Logger } from '../../../shared/logger.ts';
import { createTextFilter } from '../../../shared/untrusted-text.ts';
import type { Clock } from '../../clock.ts';
import { withDeadline } from '../../deadlines.ts';
import { ProxyError } from '../../errors.ts';
import type { Identity, IssuedToken } from '../../exchange.ts';
import { explainAnswer } from '../explain/answer.ts';
import {
  type AttemptFailure,
  type FailureContext,
  type Peer,
  toPeerName,
} from '../explain/context.ts';
import { explainDeadline, explainNoAnswer } from '../explain/no-answer.ts';
import type { Transport } from '../transport/transport.ts';
import type { Assertion } from './assertion.ts';
import { type IssuedReply, parseTokenReply } from './reply.ts';

export interface AttemptDeps {
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface AttemptInput {
  readonly peer: Peer;
  /** Leads to that peer. */
  readonly transport: Transport;
  readonly identity: Identity;
  readonly assertion: Assertion;
  readonly scope: string;
  readonly correlationId: string;
  /** 1 for the first of an exchange. */
  readonly attempt: number;
  readonly deadlineMs: number;
}

export type AttemptResult =
  | { readonly kind: 'issued'; readonly token: IssuedToken }
  | { readonly kind: 'failed'; readonly failure: AttemptFailure };

/**
 * Asks for a token once and reports the outcome, to the log as well.
 * @throws the signal's reason, and nothing else.
 */
export async function performAttempt(
  deps: AttemptDeps,
  input: AttemptInput,
  signal: AbortSignal,
): Promise<AttemptResult> {
  const { clock, logger } = deps;
  const { peer } = input;
  const startedAt = clock.monotonicMs();
  const result = await askWithin(deps, input, signal);
  const error = result.kind === 'failed' ? result.failure.error : undefined;
  logger.log(
    'debug',
    error === undefined ? `${toPeerName(peer)} issued a token` : `attempt failed: ${error.message}`,
    {
      attempt: input.attempt,
      duration_ms: Math.round(clock.monotonicMs() - startedAt),
      authority: peer.authorityHost,
      token_proxy: peer.tokenProxy?.url,
      correlation_id: input.correlationId,
      error_code: error?.code,
      aadsts: error?.details.aadsts,
      trace_id: error?.details.traceId,
    },
  );
  return result;
}

async function askWithin(
  deps: AttemptDeps,
  input: AttemptInput,
  signal: AbortSignal,
): Promise<AttemptResult> {
  const { peer, identity, assertion, correlationId, deadlineMs } = input;
  const clean = createTextFilter([assertion.text]);
  const toContext = (): FailureContext => ({
    ...peer,
    identity,
    claims: assertion.claims,
    nowMs: deps.clock.epochMs(),
    correlationId,
    clean,
  });
  const deadline = new Error('the deadline of the attempt');
  try {
    const token = await withDeadline(
      deps.clock,
      { afterMs: deadlineMs, toError: () => deadline },
      signal,
      (attemptSignal) => askThroughMsal(deps, input, toContext, attemptSignal),
    );
    return { kind: 'issued', token };
  } catch (thrown) {
    if (thrown === deadline) {
      return { kind: 'failed', failure: explainDeadline(deadlineMs, toContext()) };
    }
    signal.throwIfAborted();
    const failure = thrown instanceof NoToken ? thrown.failure : toInternalFailure(thrown, clean);
    return { kind: 'failed', failure };
  }
}

/** What our network module throws. MSAL passes subclasses of its AuthError through unchanged, and no other errors. */
class NoToken extends AuthError {
  readonly failure: AttemptFailure;

  constructor(correlationId: string, failure: AttemptFailure) {
    super('no_token', correlationId, 'the token endpoint gave no token');
    // MSAL's constructor sets its own prototype.
    Object.setPrototypeOf(this, NoToken.prototype);
    this.failure = failure;
  }
}

/**
 * Asks Entra once, through a client application made for this attempt. A kept one would answer from its
 * own cache, replay a throttling error for a minute, and await a refresh before it hands out a valid token.
 * @throws NoToken if there was no answer or it held no token; MSAL's own error if MSAL failed.
 */
async function askThroughMsal(
  { clock, logger }: AttemptDeps,
  { peer, transport, identity, assertion, scope, correlationId }: AttemptInput,
  toContext: () => FailureContext,
  signal: AbortSignal,
): Promise<IssuedToken> {
  let issued: IssuedReply | undefined;
  let sentAtMs = clock.monotonicMs();

  const networkClient: INetworkModule = {
    async sendPostRequestAsync<T>(url: string, options: NetworkRequestOptions = {}) {
      sentAtMs = clock.monotonicMs();
      const answer = await transport
        .post(url, options.headers ?? {}, options.body ?? '', signal)
        .catch((thrown: unknown) => {
          throw new NoToken(correlationId, explainNoAnswer(thrown, toContext()));
        });
      const reply = parseTokenReply(answer, clock.epochMs(), assertion.text);
      if (reply.kind !== 'issued') {
        throw new NoToken(correlationId, explainAnswer(reply, toContext()));
      }
      issued = reply;
      const { status, headers } = answer;
      return { status, headers, body: reply.body as T } satisfies NetworkResponse<T>;
    },
    sendGetRequestAsync() {
      return Promise.reject(new Error('MSAL has all it needs and must not look anything up'));
    },
  };

  const application = new ConfidentialClientApplication({
    auth: {
      clientId: identity.clientId,
      clientAssertion: assertion.text,
      ...toAuthorityOptions(peer.authorityHost, identity.tenantId),
    },
    system: { networkClient, loggerOptions: toLoggerOptions(logger, toContext()) },
  });
  const result = await application.acquireTokenByClientCredential({
    scopes: [scope],
    correlationId,
    // Otherwise MSAL_FORCE_REGION, meant for other programs of the pod, would choose another host.
    azureRegion: 'DisableMsalForceRegion',
    skipCache: true,
  });
  if (result === null || issued === undefined) throw new Error('MSAL succeeded without an answer');
  const { expiresInSeconds, extExpiresInSeconds, refreshInSeconds } = issued;
  return {
    accessToken: result.accessToken,
    // MSAL turns durations into dates of the wall clock, which may jump (docs/decisions/0007-msal.md).
    expiresInSeconds,
    extExpiresInSeconds: extExpiresInSeconds ?? expiresInSeconds,
    refreshInSeconds,
    elapsedMs: clock.monotonicMs() - sentAtMs,
    assertionExpiresAtSeconds: assertion.claims.expiresAtSeconds,
  };
}

/** The part of MSAL's `auth` options that says where tokens come from. */
interface AuthorityOptions {
  readonly authority: string;
  readonly knownAuthorities: string[];
  readonly authorityMetadata: string;
}

/**
 * Tells MSAL all that it would otherwise ask the network for. Both options are needed: with
 * `knownAuthorities` alone it fetches the OpenID document, with `authorityMetadata` alone it asks the
 * public cloud about the host. Together they also keep it from moving login.chinacloudapi.cn to another
 * host and from reading a region out of MSAL_FORCE_REGION.
 * @param authorityHost origin without a trailing slash.
 */
export function toAuthorityOptions(authorityHost: string, tenantId: string): AuthorityOptions {
  const authority = `${authorityHost}/${tenantId}`;
  return {
    authority,
    knownAuthorities: [new URL(authorityHost).host],
    // MSAL uses the first of these; the others only make the document complete.
    authorityMetadata: JSON.stringify({
      token_endpoint: `${authority}/oauth2/v2.0/token`,
      authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
      end_session_endpoint: `${authority}/oauth2/v2.0/logout`,
      issuer: `${authority}/v2.0`,
      jwks_uri: `${authority}/discovery/v2.0/keys`,
    }),
  };
}

type LoggerOptions = NonNullable<NodeSystemOptions['loggerOptions']>;

/** Longer than any line of MSAL's. */
const MAX_MSAL_LINE = 1_000;

function toLoggerOptions(logger: Logger, { correlationId, clean }: FailureContext): LoggerOptions {
  if (!logger.isEnabled('trace')) return { logLevel: LogLevel.Error, loggerCallback: () => {} };
  return {
    logLevel: LogLevel.Trace,
    piiLoggingEnabled: false,
    loggerCallback(_level, message, containsPii) {
      if (containsPii) return;
      logger.log('trace', `msal: ${clean(message, MAX_MSAL_LINE)}`, {
        correlation_id: correlationId,
      });
    },
  };
}

function toInternalFailure(thrown: unknown, clean: FailureContext['clean']): AttemptFailure {
  const text =
    thrown instanceof Error ? clean(`${thrown.name}: ${thrown.message}`, 300) : typeof thrown;
  const error = new ProxyError('ERR_INTERNAL', `MSAL failed: ${text}`, {}, { cause: thrown });
  return { error, retry: 'none' };
}
