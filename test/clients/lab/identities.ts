import type { EmulatorOptions } from '../../../src/emulator/api.ts';

/** Whose pod the laboratory plays. The IDs follow from the names, so that recordings stay valid. */
export const labIdentities = {
  namespace: 'shop',
  serviceAccount: 'orders',
  identities: [{ name: 'orders' }, { name: 'reports' }],
} as const satisfies Omit<EmulatorOptions, 'stateDirectory'>;
