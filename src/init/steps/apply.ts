import type { Logger } from '../../shared/logger.ts';
import type { Backend, BackendChoice, Snapshot } from '../backends/backend.ts';
import { type FailureKind, InitFailure, toInitFailure } from '../failures.ts';
import { findDifference } from '../rules/difference.ts';
import type { Ruleset } from '../rules/ruleset.ts';
import type { Surveyed } from './survey.ts';

/** The backend that now holds the rules in force, and the content of its ruleset. */
export interface Applied {
  readonly backend: Backend;
  readonly snapshot: Snapshot;
}

/**
 * Puts `ruleset` into force with the first backend that can, then removes our rules from the others: in
 * this order there is no moment without a redirect.
 * @param survey in the order in which the backends are tried
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

/** Another backend may work. A missing permission is missing for all of them. */
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

/** If legacy iptables is the last resort, the cause is the kernel, not the setting. */
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

/** Others may write at the same moment without our lock; each attempt starts from the current rules. */
const mostAttempts = 5;

/**
 * Makes `backend` hold exactly `ruleset`, or nothing of ours, and reads that back.
 * @param found the rules that the backend held a moment ago
 * @throws InitFailure `rejected`, `rejected-partly` or `contended`, or whatever the backend fails with
 */
export async function replaceRules(
  backend: Backend,
  ruleset: Ruleset | undefined,
  found: Snapshot,
): Promise<Snapshot> {
  let before = found;
  let failure: InitFailure | undefined;
  for (let attempt = 1; attempt <= mostAttempts; attempt += 1) {
    failure = await attemptReplace(backend, ruleset, before);
    before = await backend.read();
    const difference = findLeftDifference(backend, ruleset, before);
    if (failure === undefined && difference === undefined) return before;
    failure ??= new InitFailure('contended', { difference: difference ?? '' });
  }
  const isChanged = before.lines.join() !== found.lines.join();
  if (failure?.kind === 'rejected' && isChanged) {
    throw new InitFailure('rejected-partly', { stderr: failure.detail });
  }
  throw failure;
}

/** @returns the failure if trying again may help */
async function attemptReplace(
  backend: Backend,
  ruleset: Ruleset | undefined,
  before: Snapshot,
): Promise<InitFailure | undefined> {
  try {
    await backend.replace(ruleset, before);
    return undefined;
  } catch (error) {
    if (error instanceof InitFailure && error.kind === 'rejected') return error;
    throw error;
  }
}

function findLeftDifference(
  backend: Backend,
  ruleset: Ruleset | undefined,
  after: Snapshot,
): string | undefined {
  if (ruleset !== undefined) return findDifference(backend.toListing(ruleset), after.listing);
  if (!after.isPresent) return undefined;
  return findDifference(new Map(), after.listing) ?? 'a chain of ours is left';
}
