import { ConfidentialClientApplication, LogLevel, type NodeSystemOptions } from '@azure/msal-node';
import type { Logger } from '../../../shared/logger.ts';
import type { Clock } from '../../clock.ts';
import type { Identity, IssuedToken } from '../../exchange.ts';
import { redact } from '../explain/redact.ts';
import type { Transport } from '../transport/transport.ts';
import type { Assertion } from './assertion.ts';
import { toAuthorityOptions } from './authority.ts';
import { createMsalNetwork, type NetworkOutcome } from './msal-network.ts';

export interface MsalExchangeDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly transport: Transport;
}

/** One POST to be made. */
export interface MsalRequest {
  readonly authorityHost: string;
  readonly identity: Identity;
  readonly assertion: Assertion;
  readonly scope: string;
  readonly correlationId: string;
}

export type MsalResult =
  | { readonly kind: 'issued'; readonly token: IssuedToken }
  /** The POST was made and brought no token. */
  | { readonly kind: 'failed'; readonly outcome: NetworkOutcome }
  /** MSAL failed before or after it, which is nobody's fault but ours. */
  | { readonly kind: 'broken'; readonly thrown: unknown };

/**
 * Asks Entra once, through a client application made for this attempt. A kept one would answer from its
 * own cache, replay a throttling error for a minute, and await a refresh before it hands out a valid token.
 */
export async function performMsalExchange(
  { clock, logger, transport }: MsalExchangeDeps,
  { authorityHost, identity, assertion, scope, correlationId }: MsalRequest,
  signal: AbortSignal,
): Promise<MsalResult> {
  const network = createMsalNetwork({ clock, transport }, signal);
  try {
    const application = new ConfidentialClientApplication({
      auth: {
        clientId: identity.clientId,
        clientAssertion: assertion.text,
        ...toAuthorityOptions(authorityHost, identity.tenantId),
      },
      system: {
        networkClient: network,
        loggerOptions: toLoggerOptions(logger, correlationId),
      },
    });
    await application.acquireTokenByClientCredential({
      scopes: [scope],
      correlationId,
      // Otherwise MSAL_FORCE_REGION, meant for other programs of the pod, would choose another host.
      azureRegion: 'DisableMsalForceRegion',
      skipCache: true,
    });
  } catch (thrown) {
    const { outcome } = network;
    const isOurs = outcome === undefined || isIssued(outcome);
    return isOurs ? { kind: 'broken', thrown } : { kind: 'failed', outcome };
  }
  const { outcome } = network;
  if (outcome === undefined || !isIssued(outcome)) {
    return { kind: 'broken', thrown: new Error('MSAL succeeded without an answer') };
  }
  return { kind: 'issued', token: toIssuedToken(clock, outcome, assertion) };
}

type IssuedOutcome = Extract<NetworkOutcome, { kind: 'reply' }> & {
  readonly reply: { readonly kind: 'issued' };
};

function isIssued(outcome: NetworkOutcome): outcome is IssuedOutcome {
  return outcome.kind === 'reply' && outcome.reply.kind === 'issued';
}

/** From the answer itself: MSAL turns the durations into dates of the wall clock, in whole seconds. */
function toIssuedToken(
  clock: Clock,
  { reply, sentAtMonotonicMs }: IssuedOutcome,
  { claims }: Assertion,
): IssuedToken {
  return {
    accessToken: reply.accessToken,
    expiresInSeconds: reply.expiresInSeconds,
    extExpiresInSeconds: reply.extExpiresInSeconds ?? reply.expiresInSeconds,
    refreshInSeconds: reply.refreshInSeconds,
    elapsedMs: clock.monotonicMs() - sentAtMonotonicMs,
    assertionExpiresAtSeconds: claims.expiresAtSeconds,
  };
}

type LoggerOptions = NonNullable<NodeSystemOptions['loggerOptions']>;

function toLoggerOptions(logger: Logger, correlationId: string): LoggerOptions {
  if (!logger.isEnabled('trace')) return { logLevel: LogLevel.Error, loggerCallback: () => {} };
  return {
    logLevel: LogLevel.Trace,
    piiLoggingEnabled: false,
    loggerCallback(_level, message, containsPii) {
      if (containsPii) return;
      logger.log('trace', `msal: ${redact(message)}`, { correlation_id: correlationId });
    },
  };
}
