import type { Backend, Snapshot } from '../backends/backend.ts';
import { InitFailure, toInitFailure } from '../failures.ts';

/** A backend, and its rules in this network namespace or the reason why they cannot be read. */
export interface Surveyed {
  readonly backend: Backend;
  readonly found: Snapshot | InitFailure;
}

/** Asks every backend at once; in the order given. */
export function surveyBackends(backends: readonly Backend[]): Promise<readonly Surveyed[]> {
  return Promise.all(
    backends.map(async (backend) => {
      const found = await backend.read().catch((error: unknown) => {
        const failure = toInitFailure(error);
        if (failure.kind === 'unexpected') throw failure;
        return failure;
      });
      return { backend, found };
    }),
  );
}

/** The backends that could be read. */
export function toSnapshots(
  survey: readonly Surveyed[],
): readonly { readonly backend: Backend; readonly snapshot: Snapshot }[] {
  return survey.flatMap(({ backend, found }) =>
    found instanceof InitFailure ? [] : [{ backend, snapshot: found }],
  );
}

/**
 * Why a survey does not prove that nothing is there: a permission is missing, or both programs that could see
 * the rules of nf_tables are. A kernel without a backend's part holds none of its rules.
 */
export function findBlindness(survey: readonly Surveyed[]): InitFailure | undefined {
  const failures = survey.map(({ found }) => found).filter((found) => found instanceof InitFailure);
  const missing = failures.filter(({ kind }) => kind === 'no-binary');
  if (missing.length > 1) return new InitFailure('no-binary', { binaries: 'nft and iptables are' });
  return failures.find(({ kind }) => kind !== 'no-binary' && kind !== 'no-netfilter');
}
