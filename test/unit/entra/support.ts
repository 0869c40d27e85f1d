import type { Clock } from '../../../src/proxy/clock.ts';
import { createEntraExchange } from '../../../src/proxy/entra/exchange/exchange.ts';
import type { HttpReply, Transport } from '../../../src/proxy/entra/transport/transport.ts';
import type { ExchangeRequest } from '../../../src/proxy/exchange.ts';
import type { LogFields, Logger, LogLevel } from '../../../src/shared/logger.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';

export const authorityHost = 'https://login.microsoftonline.com';
export const federatedTokenFile = '/var/run/secrets/azure/wi/token/azure-identity-token';

export const request: ExchangeRequest = {
  identity: {
    clientId: '11111111-1111-1111-1111-111111111111',
    tenantId: '22222222-2222-2222-2222-222222222222',
  },
  resource: 'https://vault.azure.net',
};

export const neverAborted = new AbortController().signal;

/** What a cluster would put into a projected token; expires far in the future of every clock here. */
export const clusterClaims = {
  iss: 'https://westeurope.oic.prod-aks.azure.com/33333333-3333-3333-3333-333333333333/abc/',
  sub: 'system:serviceaccount:shop:checkout',
  aud: ['api://AzureADTokenExchange'],
  exp: 4_000_000_000,
};

/** A JWT in shape; nobody here verifies it. */
export function makeAssertion(claims: object = clusterClaims, signature = 'c2lnbmF0dXJl'): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return [part({ alg: 'RS256', kid: 'k' }), part(claims), signature].join('.');
}

export function tokenReply(overrides: object = {}): HttpReply {
  return jsonReply(200, {
    token_type: 'Bearer',
    expires_in: 86_399,
    ext_expires_in: 86_399,
    access_token: 'an-access-token',
    ...overrides,
  });
}

export function refusalReply(aadsts: number, overrides: object = {}, status = 401): HttpReply {
  return jsonReply(status, {
    error: 'invalid_client',
    error_description: `AADSTS${aadsts}: Something is wrong. Trace ID: 44444444-4444-4444-4444-444444444444 Correlation ID: 55555555-5555-5555-5555-555555555555 Timestamp: 2026-01-01 00:00:00Z`,
    error_codes: [aadsts],
    timestamp: '2026-01-01 00:00:00Z',
    trace_id: '44444444-4444-4444-4444-444444444444',
    correlation_id: '55555555-5555-5555-5555-555555555555',
    ...overrides,
  });
}

export function jsonReply(
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): HttpReply {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    text: JSON.stringify(body),
  };
}

export interface Post {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly form: URLSearchParams;
  readonly signal: AbortSignal;
  readonly atMs: number;
}

export type Answer = HttpReply | Error | 'hang';

export interface ScriptedTransport extends Transport {
  readonly posts: readonly Post[];
}

/** Answers the nth POST with the nth answer and all later ones with the last. Hanging heeds no signal. */
export function createScriptedTransport(
  clock: Clock,
  answers: readonly Answer[],
): ScriptedTransport {
  const posts: Post[] = [];
  return {
    posts,
    post(url, headers, body, signal) {
      const form = new URLSearchParams(body);
      posts.push({ url: new URL(url), headers, form, signal, atMs: clock.monotonicMs() });
      const answer = answers[Math.min(posts.length, answers.length) - 1];
      if (answer === undefined || answer === 'hang') return new Promise(() => {});
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  };
}

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export interface RecordingLogger extends Logger {
  readonly lines: LogLine[];
}

export function createRecordingLogger(): RecordingLogger {
  const lines: LogLine[] = [];
  return {
    lines,
    isEnabled: () => true,
    log: (level, message, fields = {}) => lines.push({ level, message, fields }),
  };
}

/** Moves the clock on in small steps until the promise has settled; returns how it did. */
export async function drive<T>(
  clock: ManualClock,
  promise: Promise<T>,
  { stepMs = 50, limitMs = 60_000 } = {},
): Promise<PromiseSettledResult<T>> {
  let result: PromiseSettledResult<T> | undefined;
  void Promise.allSettled([promise]).then(([settled]) => {
    result = settled;
  });
  for (let passedMs = 0; passedMs <= limitMs; passedMs += stepMs) {
    await clock.advance(0);
    if (result !== undefined) return result;
    await clock.advance(stepMs);
  }
  throw new Error(`not settled after ${limitMs} ms`);
}

export interface Scenario {
  readonly clock: ManualClock;
  readonly logger: RecordingLogger;
  readonly transport: ScriptedTransport;
  /** What the token file holds; may be changed. */
  file: string;
  run(overrides?: Partial<ExchangeRequest>): ReturnType<typeof drive<IssuedToken>>;
}

type IssuedToken = Awaited<ReturnType<ReturnType<typeof createEntraExchange>>>;

/** An exchange with scripted answers, a token file in memory and a clock that is moved by hand. */
export function createScenario(answers: readonly Answer[]): Scenario {
  const clock = createManualClock();
  const logger = createRecordingLogger();
  const transport = createScriptedTransport(clock, answers);
  const exchange = createEntraExchange(
    { clock, logger, transport, random: () => 0, readFile: async () => scenario.file },
    { authorityHost, federatedTokenFile },
  );
  const scenario: Scenario = {
    clock,
    logger,
    transport,
    file: makeAssertion(),
    run: (overrides) => drive(clock, exchange({ ...request, ...overrides }, neverAborted)),
  };
  return scenario;
}
