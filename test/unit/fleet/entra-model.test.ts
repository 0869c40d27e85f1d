import { describe, expect, test } from 'vitest';
import {
  createEntraModel,
  type EntraAnswer,
  type EntraOptions,
} from '../../../fleet/entra-model.ts';
import { createEventClock } from '../../support/event-clock.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';

const MINUTE_MS = 60_000;
const token = { lifetimeMs: 60 * MINUTE_MS };

/** Sends that many POSTs at each of these instants and counts the answers of each kind. */
async function ask(
  options: Omit<EntraOptions, 'token'>,
  posts: number,
  ...atMs: readonly number[]
): Promise<Readonly<Record<string, number>>[]> {
  const clock = createEventClock();
  const entra = createEntraModel(clock, createSeededRandom(1), { token, ...options });
  const answers: EntraAnswer[][] = atMs.map(() => []);
  atMs.forEach((instantMs, index) => {
    clock.after(instantMs, () => {
      for (let post = 0; post < posts; post += 1) {
        entra.post((answer) => answers[index]?.push(answer));
      }
    });
  });
  await clock.runUntil(Math.max(...atMs) + MINUTE_MS);
  return answers.map((some) =>
    Object.fromEntries(
      ['token', 'throttled', 'unavailable']
        .map((kind) => [kind, some.filter((answer) => answer.kind === kind).length] as const)
        .filter(([, count]) => count > 0),
    ),
  );
}

describe('the model of Entra', () => {
  test('gives a second of the limit at once and refuses the rest', async () => {
    expect(await ask({ limitPerSecond: 100 }, 150, 0, 500, 5_000)).toEqual([
      { token: 100, throttled: 50 },
      { token: 50, throttled: 100 },
      { token: 100, throttled: 50 },
    ]);
  });

  test('knows no limit before its time', async () => {
    expect(await ask({ limitPerSecond: 10, limitFromMs: 1_000 }, 50, 0, 2_000)).toEqual([
      { token: 50 },
      { token: 10, throttled: 40 },
    ]);
  });

  test('answers nobody in an outage, and a tenth of the limit when it ends', async () => {
    const outage = { fromMs: 1_000, toMs: 10_000 };
    const answers = await ask({ limitPerSecond: 100, outage }, 150, 0, 5_000, 10_000, 611_000);
    expect(answers).toEqual([
      { token: 100, throttled: 50 },
      { unavailable: 150 },
      { token: 10, unavailable: 140 },
      { token: 100, throttled: 50 },
    ]);
  });

  test('answers after about 150 ms', async () => {
    const clock = createEventClock();
    const entra = createEntraModel(clock, createSeededRandom(7), { token, limitPerSecond: 1e6 });
    const latencies: number[] = [];
    for (let post = 0; post < 1_000; post += 1)
      entra.post(() => latencies.push(clock.monotonicMs()));
    await clock.runUntil(MINUTE_MS);
    latencies.sort((a, b) => a - b);
    expect(latencies[500]).toBeGreaterThan(130);
    expect(latencies[500]).toBeLessThan(170);
    expect(latencies[990]).toBeGreaterThan(450);
    expect(latencies[990]).toBeLessThan(800);
    expect(entra.postsPerSecond).toEqual([1_000]);
    expect(entra.tokensPerSecond).toEqual([1_000]);
  });
});
