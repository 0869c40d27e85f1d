import { explanation } from '../../support/recorded-clients.ts';
import type { ContentName } from './azure.ts';
import { type Caveat, type Client, canPlay, toScenario } from './client.ts';
import type { ScenarioName } from './scenarios.ts';
import type { RecordedRequest } from './tap.ts';

/** What came of one request of a program. */
export type Seen =
  | { readonly kind: 'token' | 'fallback' | ContentName }
  /** A token that does not verify, or is another one than was asked for. */
  | { readonly kind: 'wrong'; readonly why: string }
  | { readonly kind: 'error'; readonly error: string; readonly message: string };

export type Verdict = 'passed' | 'gave up' | 'caveat' | 'failed' | 'not offered';

export interface Judgement {
  readonly verdict: Verdict;
  /** What was seen, in few words; empty if all is as it should be. */
  readonly remark: string;
}

/**
 * Holds what a client did in a scenario against what it should, and against what is known of it.
 * @param requests what it sent, as far as a tap has seen it
 */
export function judge(
  client: Client,
  name: ScenarioName,
  seen: readonly Seen[],
  requests: readonly RecordedRequest[] = [],
): Judgement {
  if (!canPlay(client, name)) return { verdict: 'not offered', remark: '' };
  const { selectors, rounds = 1, mayGiveUp = false } = toScenario(client, name);
  if (seen.length !== selectors.length * rounds) {
    return { verdict: 'failed', remark: `${seen.length} outcomes` };
  }
  const wrong = seen.find(({ kind }) => kind === 'wrong');
  if (wrong !== undefined) return { verdict: 'failed', remark: describe(wrong) };

  const caveat = client.caveats?.[name];
  if (caveat !== undefined) {
    const isFine = (one: Seen): boolean =>
      caveat.isOccasional === true && isAsExpected(client, name, one);
    if (seen.every(isFine)) return { verdict: 'passed', remark: '' };
    const late = findLateProbe(caveat, requests);
    if (late !== undefined) return { verdict: 'failed', remark: late };
    const strange = seen.find((one) => !isAsKnown(one, caveat) && !isFine(one));
    return strange === undefined
      ? { verdict: 'caveat', remark: caveat.because }
      : { verdict: 'failed', remark: `unlike what is known of it: ${describe(strange)}` };
  }
  const error = seen.find(({ kind }) => kind === 'error');
  if (mayGiveUp && error !== undefined) {
    return { verdict: 'gave up', remark: describe(error) };
  }
  const unexpected = seen.filter((one) => !isAsExpected(client, name, one));
  const [first] = unexpected;
  if (first === undefined) return { verdict: 'passed', remark: '' };
  return {
    verdict: 'failed',
    remark: `${unexpected.length} of ${seen.length}: ${describe(first)}`,
  };
}

function isAsExpected(client: Client, name: ScenarioName, seen: Seen): boolean {
  const { refusal } = client;
  const { expected } = toScenario(client, name);
  switch (expected) {
    case 'token':
    case 'fallback':
    case 'secret':
    case 'blob':
    case 'subscription':
      return seen.kind === expected;
    case 'refusal':
      return (
        seen.kind === 'error' &&
        seen.error === refusal?.error &&
        explanation.test(seen.message) === (refusal.isExplained ?? true)
      );
  }
}

function isAsKnown(seen: Seen, { observed }: Caveat): boolean {
  if (typeof observed === 'string') return seen.kind === observed;
  const { error, words = '' } = observed;
  return seen.kind === 'error' && seen.error === error && seen.message.includes(words);
}

/** A probe that has waited longer than the client does: no caveat excuses that. */
function findLateProbe(
  { probeMs }: Caveat,
  requests: readonly RecordedRequest[],
): string | undefined {
  if (probeMs === undefined) return undefined;
  const probes = requests.filter(({ bytes }) => !/^metadata:/im.test(bytes));
  if (probes.length === 0) return 'no probe was seen, so that nothing says whose fault it is';
  const late = probes.filter(({ answerMs = Number.POSITIVE_INFINITY }) => answerMs > probeMs);
  return late.length === 0
    ? undefined
    : `${late.length} of ${probes.length} probes were not answered within ${probeMs} ms`;
}

function describe(seen: Seen): string {
  switch (seen.kind) {
    case 'token':
    case 'fallback':
    case 'secret':
    case 'blob':
    case 'subscription':
      return `got a ${seen.kind}`;
    case 'wrong':
      return seen.why;
    case 'error':
      return `${seen.error}: ${seen.message}`;
  }
}
