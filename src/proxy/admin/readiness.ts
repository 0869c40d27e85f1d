import type { Clock } from '../clock.ts';
import type { CacheStatus, FailingKey } from '../token/cache-status.ts';

/** What is known of one file that should hold a ServiceAccount token. */
export interface AssertionState {
  /** Follows `federated-token` in the listing; empty for AZURE_FEDERATED_TOKEN_FILE. */
  readonly suffix: string;
  /** How people are told which file it is, without an identity: anyone may read readiness. */
  readonly setting: string;
  /** Why no exchange can succeed with it: continues "the file of … ". */
  readonly fault?: string | undefined;
  /** Why an exchange with it may be refused. */
  readonly doubt?: string | undefined;
}

/** What readiness depends on. */
export interface ReadinessState {
  readonly isDraining: boolean;
  /** One for each token file. */
  readonly assertions: readonly AssertionState[];
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
    ...toAssertionChecks(assertions, cache),
    { name: 'cached-tokens', outcome: 'note', detail: `${cache.tokens} of ${cache.entries} keys` },
    failing === undefined
      ? { name: 'exchanges', outcome: 'passed' }
      : { name: 'exchanges', outcome: 'note', detail: failing },
  ];
  return { ready: checks.every(({ outcome }) => outcome !== 'failed'), checks };
}

/** AADSTS700212: Entra has no federated credential with the audience of the presented token. */
const audienceRefused = 700_212;

/**
 * A file that cannot be used makes the proxy unready only if no other one can, and no token is cached. What
 * only Entra can decide counts as usable until Entra has refused it.
 */
function toAssertionChecks(assertions: readonly AssertionState[], cache: CacheStatus): Check[] {
  const wasRefused = cache.failing.some(({ aadsts }) => aadsts === audienceRefused);
  const isUnusable = ({ fault, doubt }: AssertionState): boolean =>
    fault !== undefined || (doubt !== undefined && wasRefused);
  const isFailure = assertions.every(isUnusable) && cache.tokens === 0;
  return assertions.map((assertion) => {
    const { suffix, setting, fault, doubt } = assertion;
    const name = `federated-token${suffix}`;
    const found = fault ?? doubt;
    if (found === undefined) return { name, outcome: 'passed' };
    return {
      name,
      outcome: isFailure ? 'failed' : 'note',
      detail: `the file of ${setting} ${found}`,
    };
  });
}

/** The failing key with the next retry. Names no identity, because anyone can read this. */
function describeFailing(failing: readonly FailingKey[], nowSeconds: number): string | undefined {
  const next = failing.toSorted((a, b) => a.nextRetryAtSeconds - b.nextRetryAtSeconds)[0];
  if (next === undefined) return undefined;
  const aadsts = next.aadsts === undefined ? '' : ` AADSTS${next.aadsts}`;
  const others = failing.length === 1 ? '' : `, and ${failing.length - 1} other keys fail`;
  const inSeconds = Math.max(0, next.nextRetryAtSeconds - nowSeconds);
  const retry = next.retriesByItself
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

/** A file to look at, as `AssertionState` describes it. */
export type AssertionSource = Pick<AssertionState, 'suffix' | 'setting'> & {
  /** Looks at the file now; may take as long as the file system does. */
  readonly inspect: () => Promise<Pick<AssertionState, 'fault' | 'doubt'>>;
};

/** Where the state comes from. */
export interface ReadinessDeps {
  readonly clock: Clock;
  readonly isDraining: () => boolean;
  readonly assertions: readonly AssertionSource[];
  readonly cacheStatus: () => CacheStatus;
}

/** A projected volume is in memory. A read that takes this long means that the file system hangs. */
const checkDeadlineMs = 2_000;

/** Checks everything now, within 2 s. Never rejects. */
export async function checkReadiness(deps: ReadinessDeps): Promise<Readiness> {
  const { clock, isDraining, cacheStatus } = deps;
  const { promise: deadline, resolve: onDeadline } = Promise.withResolvers<{ fault: string }>();
  const cancel = clock.after(checkDeadlineMs, () =>
    onDeadline({ fault: `could not be read within ${checkDeadlineMs / 1_000} s` }),
  );
  const assertions = await Promise.all(
    deps.assertions.map(async ({ suffix, setting, inspect }): Promise<AssertionState> => {
      const inspection = inspect().catch((error: unknown) => ({ fault: `failed: ${error}` }));
      return { suffix, setting, ...(await Promise.race([inspection, deadline])) };
    }),
  );
  cancel();
  return toReadiness({
    isDraining: isDraining(),
    assertions,
    cache: cacheStatus(),
    nowSeconds: Math.floor(clock.epochMs() / 1_000),
  });
}
