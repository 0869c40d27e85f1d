import type { Client } from '../client.ts';
import { selectors } from './abilities.ts';

export const shell: readonly Client[] = [
  {
    id: 'curl',
    language: 'shell',
    library: 'curl',
    version: 'of the system',
    program: 'curl',
    abilities: selectors,
    refusal: { error: 'exit 22' },
    isQuick: true,
  },
];
