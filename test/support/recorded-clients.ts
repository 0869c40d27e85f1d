import { join } from 'node:path';
import type { EmulatorOptions } from '../../src/emulator/api.ts';

/** A file of JSON for each real client: the requests that it sent. `npm run test:clients -- --record` writes them. */
export const recordings = join(import.meta.dirname, '..', 'fixtures', 'clients', 'requests');

/** A request as a client sent it, line by line, and the statuses that it was answered with. */
export interface Recorded {
  /** The scenarios of the client lab in which it was sent. */
  readonly scenarios: readonly string[];
  readonly request: readonly string[];
  readonly statuses: readonly number[];
}

/** Whose pod the recorded clients ran in. The IDs follow from the names, so that recordings stay valid. */
export const recordedIdentities = {
  namespace: 'shop',
  serviceAccount: 'orders',
  identities: [{ name: 'orders' }, { name: 'reports' }],
} as const satisfies Omit<EmulatorOptions, 'stateDirectory'>;

/** Entra's refusal and our hint, as far as every library's message shows them. */
export const explanation = /AADSTS700016[\s\S]*Hint: /;
