import type { Clock } from '../clock.ts';
import type { CacheStatus, FailingKey } from '../token/cache-status.ts';

/** What there is to present: identities may have a ServiceAccount token of their own. */
export interface AssertionsState {
  /** Whether at least one ServiceAccount token is there. */
  readonly canPresent: boolean;
  /** Why one of them cannot be presented. */
  readonly fault: string | undefined;
}

/** What readiness depends on. */
export interface ReadinessState {
  readonly isDraining: boolean;
  readonly assertions: AssertionsState;
  readonly cache: CacheStatus;
  readonly nowSeconds: number;
}

/** One line of `/readyz?verbose`. A failed check makes the proxy unready; a note is only for people. */
export interface Check {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'note';
  readonly detail?: string | undefined;
}

export interface Readiness {
  readonly ready: boolean;
  readonly checks: readonly Check[];
}

/**
 * Ready if some token can be handed out or asked for. Whether Entra can be reached does not matter: this
 * takes the whole pod out of its Service, and an application that holds a token, or needs none just now,
 * must not be punished for an outage elsewhere.
 */
export function toReadiness({
  isDraining,
  assertions,
  cache,
  nowSeconds,
}: ReadinessState): Readiness {
  const failing = describeFailing(cache.failing, nowSeconds);
  const checks: readonly Check[] = [
    isDraining
      ? { name: 'serving', outcome: 'failed', detail: 'the proxy is stopping' }
      : { name: 'serving', outcome: 'passed' },
    assertions.fault === undefined
      ? { name: 'federated-token', outcome: 'passed' }
      : {
          name: 'federated-token',
          outcome: assertions.canPresent || cache.tokens > 0 ? 'note' : 'failed',
          detail: assertions.fault,
        },
    { name: 'cached-tokens', outcome: 'note', detail: `${cache.tokens} of ${cache.entries} keys` },
    failing === undefined
      ? { name: 'exchanges', outcome: 'passed' }
      : { name: 'exchanges', outcome: 'note', detail: failing },
  ];
  return { ready: checks.every(({ outcome }) => outcome !== 'failed'), checks };
}

/** The failure that is tried again next, without naming whose it is: anyone may read this. */
function describeFailing(failing: readonly FailingKey[], nowSeconds: number): string | undefined {
  const next = failing.toSorted((a, b) => a.nextRetryAtSeconds - b.nextRetryAtSeconds)[0];
  if (next === undefined) return undefined;
  const aadsts = next.aadsts === undefined ? '' : ` AADSTS${next.aadsts}`;
  const others = failing.length === 1 ? '' : `, and ${failing.length - 1} other keys fail`;
  const inSeconds = Math.max(0, next.nextRetryAtSeconds - nowSeconds);
  const retry = next.hasToken
    ? `next retry in ${inSeconds} s`
    : `asked again by the first request after ${inSeconds} s`;
  return `${next.code}${aadsts}, ${retry}${others}`;
}

const outcomeWords: Readonly<Record<Check['outcome'], readonly [string, string]>> = {
  passed: ['[+]', ' ok'],
  failed: ['[-]', ' failed'],
  note: ['[i]', ''],
};

/** The listing that Kubernetes components give at `/readyz?verbose`. */
export function formatReadiness({ ready, checks }: Readiness): string {
  const lines = checks.map(({ name, outcome, detail }) => {
    const suffix = detail === undefined ? '' : `: ${detail}`;
    return `${outcomeWords[outcome][0]}${name}${outcomeWords[outcome][1]}${suffix}`;
  });
  return `${lines.join('\n')}\nreadyz check ${ready ? 'passed' : 'failed'}\n`;
}

/** Where the state comes from. */
export interface ReadinessDeps {
  readonly clock: Clock;
  readonly isDraining: () => boolean;
  /** Looks at the files now. */
  readonly checkAssertions: () => Promise<AssertionsState>;
  readonly cacheStatus: () => CacheStatus;
}

/** A projected volume is memory; what takes this long is a hung file system. */
const checkDeadlineMs = 2_000;

/** Looks at everything now. Never rejects. */
export async function checkReadiness(deps: ReadinessDeps): Promise<Readiness> {
  const { clock, isDraining, checkAssertions, cacheStatus } = deps;
  const toUnknown = (fault: string): AssertionsState => ({ canPresent: false, fault });
  const { promise: deadline, resolve: onDeadline } = Promise.withResolvers<AssertionsState>();
  const cancel = clock.after(checkDeadlineMs, () =>
    onDeadline(toUnknown(`no result within ${checkDeadlineMs / 1_000} s`)),
  );
  const assertions = await Promise.race([
    checkAssertions().catch((error: unknown) => toUnknown(String(error))),
    deadline,
  ]);
  cancel();
  return toReadiness({
    isDraining: isDraining(),
    assertions,
    cache: cacheStatus(),
    nowSeconds: Math.floor(clock.epochMs() / 1_000),
  });
}
