import type { Logger } from '../shared/logger.ts';
import type { Backend, BackendChoice, Snapshot } from './backend.ts';
import { type FailureKind, InitFailure, toInitFailure } from './failures.ts';
import { replaceRules } from './replace.ts';
import type { Ruleset } from './ruleset.ts';
import type { Surveyed } from './survey.ts';

/** The rules, and what they are now in force with. */
export interface Applied {
  readonly backend: Backend;
  readonly snapshot: Snapshot;
}

/**
 * Puts `ruleset` into force with the first backend that can, then takes away what the others hold of ours:
 * in this order there is no moment without a redirect.
 */
export async function applyRuleset(
  ruleset: Ruleset,
  choice: BackendChoice,
  survey: readonly Surveyed[],
  log: Logger,
): Promise<Applied> {
  const candidates = survey.filter(({ backend }) => choice === 'auto' || choice === backend.name);
  const failures: InitFailure[] = [];
  for (const { backend, found } of candidates) {
    try {
      if (found instanceof InitFailure) throw found;
      if (choice === 'auto') await backend.dryRun(ruleset);
      const snapshot = await replaceRules(backend, ruleset, found);
      await cleanOthers(backend, survey, candidates.slice(0, failures.length), log);
      return { backend, snapshot };
    } catch (error) {
      const failure = toInitFailure(error);
      if (!isUnsupported(failure)) throw withBlame(failure, choice, failures);
      failures.push(failure);
      log.log('warning', `backend ${backend.name} cannot be used`, { reason: failure.detail });
    }
  }
  throw summarize(candidates, choice, failures);
}

/** Another backend may do. A missing right is no such failure: it is missing everywhere. */
function isUnsupported({ kind }: InitFailure): boolean {
  const kinds: readonly FailureKind[] = ['no-binary', 'no-netfilter', 'missing-module'];
  return kinds.includes(kind);
}

async function cleanOthers(
  inForce: Backend,
  survey: readonly Surveyed[],
  attempted: readonly Surveyed[],
  log: Logger,
): Promise<void> {
  for (const other of survey.filter(({ backend }) => backend !== inForce)) {
    const { backend, found } = other;
    try {
      if (found instanceof InitFailure) throw found;
      // An attempt that failed at the redirect may have left its guard.
      const snapshot = attempted.includes(other) ? await backend.read() : found;
      if (!snapshot.isPresent) continue;
      await replaceRules(backend, undefined, snapshot);
      log.log('info', 'older rules removed', { backend: backend.name });
    } catch (error) {
      const failure = toInitFailure(error);
      if (isUnsupported(failure)) continue;
      log.log('warning', `older rules of ${backend.name}, if any, could not be removed`, {
        reason: failure.detail,
      });
    }
  }
}

/** Where legacy iptables is the last resort, the kernel is to blame, not the choice. */
function withBlame(
  failure: InitFailure,
  choice: BackendChoice,
  earlier: readonly InitFailure[],
): InitFailure {
  const isLastResort = choice === 'auto' && earlier.every(({ kind }) => kind === 'no-netfilter');
  return failure.kind === 'legacy-no-net-raw' && isLastResort
    ? new InitFailure('no-net-raw', {}, { cause: failure })
    : failure;
}

function summarize(
  candidates: readonly Surveyed[],
  choice: BackendChoice,
  failures: readonly InitFailure[],
): InitFailure {
  const areAll = (kind: FailureKind): boolean => failures.every((failure) => failure.kind === kind);
  const missingModule = failures.find(({ kind }) => kind === 'missing-module');
  if (areAll('no-binary')) {
    const binaries = choice === 'auto' ? 'nft and iptables are' : `${choice} is`;
    return new InitFailure('no-binary', { binaries });
  }
  if (missingModule !== undefined) return missingModule;
  if (choice === 'auto' && areAll('no-netfilter')) return new InitFailure('no-netfilter');
  const reasons = candidates.map(
    ({ backend }, index) => `${backend.name}: ${failures[index]?.detail}`,
  );
  return new InitFailure('backend-unavailable', { reasons: reasons.join('; ') });
}
