/**
 * The exchange of the simulation leaves out MSAL, the transport and the token file. It must make its attempts
 * when the real one makes them.
 */
import { expect, test } from 'vitest';
import type { EntraAnswer, EntraModel } from '../../../fleet/entra-model.ts';
import { createExchangeModel } from '../../../fleet/pods.ts';
import { createEntraExchange } from '../../../src/proxy/entra/exchange/exchange.ts';
import type { HttpReply } from '../../../src/proxy/entra/transport/transport.ts';
import type { Exchange } from '../../../src/proxy/exchange.ts';
import { createEventClock, type EventClock } from '../../support/event-clock.ts';
import {
  authorityHost,
  createRecordingLogger,
  federatedTokenFile,
  jsonReply,
  makeAssertion,
  neverAborted,
  request,
  tokenReply,
} from '../entra/support.ts';

const latencyMs = 50;
const random = (): number => 0.3;
const token: EntraAnswer = { kind: 'token', lifetimeMs: 86_399_000 };
const outage: EntraAnswer = { kind: 'unavailable' };
const throttle = (retryAfterSeconds: number): EntraAnswer => ({
  kind: 'throttled',
  retryAfterSeconds,
});

/** What both exchanges did: when they asked, and how it ended. */
interface Outcome {
  readonly attemptsAtMs: readonly number[];
  readonly end: unknown;
  readonly endedAtMs: number;
}

async function perform(
  createExchange: (clock: EventClock, next: () => EntraAnswer) => Exchange,
  answers: readonly EntraAnswer[],
): Promise<Outcome> {
  const clock = createEventClock();
  const attemptsAtMs: number[] = [];
  const exchange = createExchange(clock, () => {
    attemptsAtMs.push(clock.monotonicMs());
    return answers[Math.min(attemptsAtMs.length, answers.length) - 1] ?? outage;
  });
  let end: unknown;
  let endedAtMs = -1;
  const settle = (what: unknown): void => {
    end = what;
    endedAtMs = clock.monotonicMs();
  };
  exchange(request, neverAborted).then(
    ({ expiresInSeconds, elapsedMs }) => settle({ expiresInSeconds, elapsedMs }),
    ({ code, details }) => settle({ code, retryAfterSeconds: details.retryAfterSeconds }),
  );
  for (let passedMs = 0; passedMs < 30_000; passedMs += 10) {
    await clock.runUntil(passedMs);
    // MSAL needs turns of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { attemptsAtMs, end, endedAtMs };
}

const createModel = (clock: EventClock, next: () => EntraAnswer): Exchange => {
  const entra: EntraModel = {
    postsPerSecond: [],
    tokensPerSecond: [],
    post(onAnswer) {
      const answer = next();
      clock.after(latencyMs, () => onAnswer(answer));
    },
  };
  return createExchangeModel({ clock, entra, random });
};

const createReal = (clock: EventClock, next: () => EntraAnswer): Exchange =>
  createEntraExchange(
    {
      clock,
      logger: createRecordingLogger(),
      random,
      readFile: async () => makeAssertion(),
      transport: {
        post: () =>
          new Promise((resolve) => {
            const reply = toReply(next());
            clock.after(latencyMs, () => resolve(reply));
          }),
      },
    },
    { authorityHost, federatedTokenFile },
  );

function toReply(answer: EntraAnswer): HttpReply {
  switch (answer.kind) {
    case 'token':
      return tokenReply({ expires_in: answer.lifetimeMs / 1_000 });
    case 'throttled':
      return jsonReply(
        429,
        { error: 'temporarily_unavailable' },
        { 'retry-after': String(answer.retryAfterSeconds) },
      );
    case 'unavailable':
      return jsonReply(503, { error: 'temporarily_unavailable' });
  }
}

test.each<[string, readonly EntraAnswer[]]>([
  ['a token', [token]],
  ['an outage', [outage]],
  ['an outage that ends', [outage, outage, token]],
  ['a throttle of a minute', [throttle(60)]],
  ['a throttle of three seconds', [throttle(3)]],
  ['a throttle that ends', [throttle(2), token]],
  ['an outage, then a throttle', [outage, throttle(1), outage, token]],
])('attempts as the real exchange makes them: %s', async (_, answers) => {
  const model = await perform(createModel, answers);
  expect(model).toEqual(await perform(createReal, answers));
  expect(model.endedAtMs).toBeGreaterThan(0);
});
