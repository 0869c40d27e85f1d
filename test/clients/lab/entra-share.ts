import type { JournalEntry } from '../../../src/emulator/journal.ts';
import type { Scenario } from './scenarios.ts';

/** What Entra says of an application that the tenant does not have. */
const unknownApplication = 700_016;

/**
 * What a scenario needs to have happened at Entra, whatever the client says came of it: an error with a name as
 * common as `exit 1` may have come from anywhere, and a token from a cache.
 *
 * @param entries what Entra was asked since the scenario began
 * @returns what has not happened; undefined if all has
 */
export function findMissing(
  { fault, selectors }: Scenario,
  entries: readonly Pick<JournalEntry, 'outcome'>[],
): string | undefined {
  const outcomes = entries.map(({ outcome }) => outcome);
  if (fault !== undefined && !outcomes.some((outcome) => outcome?.fault === fault.effect.kind)) {
    return `no request has met the fault ${fault.effect.kind} of Entra`;
  }
  const hasUnknown = selectors.includes('unknownClientId');
  if (hasUnknown && !outcomes.some((outcome) => outcome?.aadsts === unknownApplication)) {
    return `Entra has not refused anybody with AADSTS${unknownApplication}`;
  }
  return undefined;
}
