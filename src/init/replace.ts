import type { Backend, Snapshot } from './backend.ts';
import { findDifference } from './difference.ts';
import { InitFailure } from './failures.ts';
import { emptyRuleset, type Ruleset } from './ruleset.ts';

/** Others may write at the same moment without taking our lock; each attempt starts from what is there. */
const mostAttempts = 5;

/**
 * Makes `backend` hold exactly `ruleset`, or nothing of ours, and reads that back.
 * @param found what the backend held a moment ago
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
    const difference = findLeftDifference(ruleset, before);
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

function findLeftDifference(ruleset: Ruleset | undefined, after: Snapshot): string | undefined {
  if (ruleset !== undefined) return findDifference(ruleset, after);
  if (!after.isPresent) return undefined;
  return findDifference(emptyRuleset, after) ?? 'a chain of ours is left';
}
