import type { Clock } from '../../proxy/clock.ts';
import { toEntraSettings } from '../../proxy/config/exchange-settings.ts';
import { toIdentityPolicy } from '../../proxy/config/identities.ts';
import type { ProxyConfig } from '../../proxy/config/proxy-config.ts';
import { deadlines } from '../../proxy/deadlines.ts';
import { createEntra, type Entra } from '../../proxy/entra/entra.ts';
import { toProxyError } from '../../proxy/errors.ts';
import type { Exchange, Identity } from '../../proxy/exchange.ts';
import { type Check, type Finding, fail, ok, skip } from '../engine/check.ts';
import { once } from '../network/once.ts';
import { toFix } from './failure.ts';
import { findTokenFileCheck } from './federated-token.ts';

/** More identities than this are not tried: each may take the time of a whole exchange. */
export const maxExchanges = 20;

/** One exchange with all its retries, and some time to report it. */
const deadlineMs = deadlines.exchangeMs + 3_000;

/**
 * One real exchange for each configured identity, exactly as the proxy makes it. The token is dropped.
 */
export function createExchangeChecks(
  clock: Clock,
  config: ProxyConfig,
  resource: string = findResource(config),
): readonly Check[] {
  const { defaultIdentity, identities, allowedClientIds } = toIdentityPolicy(config);
  const wanted = identities
    .filter(({ clientId }) => allowedClientIds?.has(clientId) !== false)
    .toSorted((a, b) => Number(b === defaultIdentity) - Number(a === defaultIdentity))
    .slice(0, maxExchanges);
  if (wanted.length === 0) {
    return [
      {
        id: 'exchange',
        needs: ['settings'],
        run: async () => skip('there is no identity to ask for'),
      },
    ];
  }
  const open = once(
    async (): Promise<Entra> =>
      createEntra({ clock, logger: { isEnabled: () => false, log() {} } }, toEntraSettings(config)),
  );
  return wanted.map((identity, index) => ({
    id: index === 0 ? 'exchange' : `exchange-${index + 1}`,
    needs: toNeeds(config, identity.clientId),
    deadlineMs,
    run: async (signal) => performExchange((await open()).exchange, identity, resource, signal),
  }));
}

/** The connection and the token file. A failure of theirs would only be repeated, after all retries. */
function toNeeds(config: ProxyConfig, clientId: string): readonly string[] {
  const identity = config.identities.find((one) => one.clientId === clientId);
  const mode = identity?.mode ?? config.exchangeMode;
  const peer = mode === 'binding' ? 'token-proxy' : 'entra';
  return [`${peer}-tls`, findTokenFileCheck(config, clientId)];
}

async function performExchange(
  exchange: Exchange,
  { clientId, tenantId }: Identity,
  resource: string,
  signal: AbortSignal,
): Promise<Finding> {
  const evidence = { 'client ID': clientId, tenant: tenantId, resource };
  try {
    const { expiresInSeconds, elapsedMs } = await exchange(
      { identity: { clientId, tenantId }, resource },
      signal,
    );
    return ok(`${clientId} gets a token for ${resource}`, {
      evidence: {
        ...evidence,
        'expires in': `${expiresInSeconds} s`,
        took: `${Math.round(elapsedMs)} ms`,
      },
    });
  } catch (thrown) {
    const { code, message, details } = toProxyError(thrown);
    const { description, aadsts, correlationId, traceId } = details;
    const summary = (description ?? message).split(/ Trace ID:| See https/)[0] ?? message;
    return fail(`${code}: ${summary}`, {
      evidence: {
        ...evidence,
        ...(aadsts !== undefined && { aadsts }),
        ...(correlationId !== undefined && { 'correlation ID': correlationId }),
        ...(traceId !== undefined && { 'trace ID': traceId }),
      },
      fix: toFix(details),
      docs:
        aadsts === undefined
          ? 'docs/troubleshooting.md#entra-cannot-be-reached'
          : 'docs/troubleshooting.md#by-aadsts-number',
    });
  }
}

/** Every tenant has the resource manager. An allow-list decides otherwise. */
function findResource({ allowedResources, authorityHost }: ProxyConfig): string {
  const [allowed] = allowedResources ?? [];
  if (allowed !== undefined) return allowed;
  const { hostname } = new URL(authorityHost);
  if (hostname.endsWith('.us')) return 'https://management.usgovcloudapi.net';
  if (hostname.endsWith('.cn')) return 'https://management.chinacloudapi.cn';
  return 'https://management.azure.com';
}
