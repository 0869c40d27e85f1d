import { randomUUID } from 'node:crypto';
import type { Logger } from '../../../shared/logger.ts';
import { hasControlCharacter } from '../../../shared/untrusted-text.ts';
import { type Clock, sleep } from '../../clock.ts';
import { deadlines, withDeadline } from '../../deadlines.ts';
import { ProxyError, toProxyError } from '../../errors.ts';
import type { Exchange, ExchangeRequest, IssuedToken } from '../../exchange.ts';
import { toPeerHost } from '../explain/context.ts';
import type { EntraSettings } from '../settings.ts';
import type { Transport } from '../transport/transport.ts';
import { performAttempt } from './attempt.ts';
import { type Channel, createChannels } from './channels.ts';
import { toNextStep } from './retry.ts';

export interface EntraExchangeDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Leads to Entra. */
  readonly transport: Transport;
  /** Leads to the token proxy; needed if the settings have one. */
  readonly tokenProxyTransport?: Transport;
  /** In [0, 1), for the jitter of retries. */
  readonly random?: () => number;
  /** Stands in for the file system. */
  readonly readFile?: (path: string) => Promise<string>;
}

/** The state of an exchange. */
interface Progress {
  attempts: number;
  lastError: ProxyError | undefined;
}

/**
 * Exchanges the pod's ServiceAccount token for Entra tokens, with Entra itself or through a token proxy, as
 * the settings say for each identity. Exchanges share nothing but the transport, so none waits for another.
 */
export function createEntraExchange(
  { clock, logger, random = Math.random, ...rest }: EntraExchangeDeps,
  settings: EntraSettings,
): Exchange {
  const toChannel = createChannels({ clock, ...rest }, settings);

  const retryUntilFinal = async (
    { identity, resource }: ExchangeRequest,
    { peer, transport, readAssertion }: Channel,
    correlationId: string,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<IssuedToken> => {
    const scope = toScope(resource);
    const startedAt = clock.monotonicMs();
    let assertion = await readAssertion(signal);
    let deadlineMs = deadlines.attemptMs;
    for (;;) {
      progress.attempts += 1;
      const attempt = progress.attempts;
      const result = await performAttempt(
        { clock, logger },
        {
          peer,
          transport,
          identity,
          assertion,
          scope,
          correlationId,
          attempt,
          deadlineMs,
        },
        signal,
      );
      if (result.kind === 'issued') return result.token;

      const { error, retry } = result.failure;
      // A refusal was retried and the retry had no answer: the refusal says more.
      if (error.code === 'ERR_TIMEOUT' && progress.lastError?.code === 'ERR_REJECTED') {
        throw progress.lastError;
      }
      progress.lastError = error;
      const step = toNextStep({
        retry,
        retryAfterSeconds: error.details.retryAfterSeconds,
        attempts: attempt,
        elapsedMs: clock.monotonicMs() - startedAt,
        random: random(),
      });
      if (step === undefined) throw error;
      if (step.waitMs > 0) await sleep(clock, step.waitMs, signal);

      const presented = assertion.text;
      assertion = await readAssertion(signal);
      if (step.onlyIfAssertionChanged && assertion.text === presented) throw error;
      deadlineMs = step.attemptMs;
    }
  };

  return async (request, signal) => {
    const correlationId = request.correlationId ?? randomUUID();
    const channel = toChannel(request.identity);
    const progress: Progress = { attempts: 0, lastError: undefined };
    const budget = {
      afterMs: deadlines.exchangeMs,
      toError: () => progress.lastError ?? toBudgetError(toPeerHost(channel.peer)),
    };
    try {
      return await withDeadline(clock, budget, signal, (budgetSignal) =>
        retryUntilFinal(request, channel, correlationId, progress, budgetSignal),
      );
    } catch (thrown) {
      if (signal.aborted) throw toCancelled(signal.reason);
      const error = toProxyError(thrown);
      logger.log('debug', `exchange failed: ${error.message}`, {
        error_code: error.code,
        aadsts: error.details.aadsts,
        correlation_id: error.details.correlationId ?? correlationId,
        trace_id: error.details.traceId,
        attempts: progress.attempts,
        client_id: request.identity.clientId,
        resource: request.resource,
        hint: error.details.hint,
        remedy: error.details.remedy,
      });
      throw error;
    }
  };
}

function toBudgetError(host: string): ProxyError {
  const description = `${host} gave no token within ${deadlines.exchangeMs / 1_000} s.`;
  return new ProxyError('ERR_TIMEOUT', description, { description });
}

function toCancelled(reason: unknown): ProxyError {
  if (reason instanceof ProxyError) return reason;
  return new ProxyError('ERR_SHUTTING_DOWN', 'the exchange was cancelled', {}, { cause: reason });
}

const SUFFIX = '/.default';

/** Entra's own limit for an application ID URI is far lower; a longer text is not a resource. */
const MAX_LENGTH = 2_048;

/**
 * The v2 scope for a v1 resource. The resource is taken as it is: `https://database.windows.net/` becomes
 * `https://database.windows.net//.default`, since Entra takes all before the last slash for the audience
 * and that service wants the slash in it.
 * @throws ProxyError with ERR_RESOURCE_INVALID. White space would make it two scopes.
 */
export function toScope(resource: string): string {
  const isSized = resource !== '' && resource.length <= MAX_LENGTH;
  if (!isSized || /\s/.test(resource) || hasControlCharacter(resource)) {
    const description = `The resource must be one word of 1 to ${MAX_LENGTH} characters.`;
    throw new ProxyError('ERR_RESOURCE_INVALID', description, {
      description,
      hint: 'Pass the plain application ID URI or GUID of one resource, such as https://vault.azure.net.',
    });
  }
  return resource.endsWith(SUFFIX) ? resource : `${resource}${SUFFIX}`;
}
