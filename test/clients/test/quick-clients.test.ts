/**
 * The clients that install within seconds, at work in the laboratory: the scenarios that need no waiting.
 * All clients and all scenarios are `npm run test:clients`.
 */
import { expect, test } from 'vitest';
import { describeInNamespaces } from '../../support/netns.ts';
import { clients } from '../lab/catalogue.ts';
import { prepare } from '../lab/prepare.ts';
import { runClient } from '../lab/run-client.ts';
import type { ScenarioName } from '../lab/scenarios.ts';

/** Without the default chain: its probe has a deadline of its own, which a busy machine may miss. */
const only: readonly ScenarioName[] = [
  'default',
  'clientId',
  'resourceId',
  'twoIdentities',
  'unknown',
  'concurrent',
];

describeInNamespaces('real clients', () => {
  for (const client of clients.filter(({ isQuick = false }) => isQuick)) {
    test(client.id, { timeout: 300_000 }, async ({ skip }) => {
      const prepared = await prepare(client);
      if (prepared.state === 'skipped') return skip(prepared.reason);
      if (prepared.state === 'failed') throw new Error(prepared.reason);
      const played = await runClient(client, { command: prepared.command, records: false, only });
      expect(played.filter(({ verdict }) => verdict === 'failed')).toEqual([]);
      expect(played.map(({ scenario }) => scenario)).toEqual(only);
    });
  }
});
