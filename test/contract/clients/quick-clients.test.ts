/**
 * The clients that install within seconds, at work in the laboratory: the scenarios that need no waiting.
 * All clients and all scenarios are `npm run test:clients`.
 */
import { expect, test } from 'vitest';
import { clients } from '../../clients/lab/catalogue.ts';
import { findMissingTool, install } from '../../clients/lab/install.ts';
import { runClient } from '../../clients/lab/run-client.ts';
import type { ScenarioName } from '../../clients/lab/scenarios.ts';
import { describeInNamespaces } from '../../support/netns.ts';

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
    test(client.id, { timeout: 120_000 }, async ({ skip }) => {
      const missing = await findMissingTool(client.language);
      if (missing !== undefined) skip(`${missing} is not on this machine`);
      const installed = await install(client).catch((error: Error) => error);
      if (installed instanceof Error) return skip(`cannot be fetched: ${installed.message}`);
      const played = await runClient(client, { command: installed.command, records: false, only });
      expect(played.filter(({ verdict }) => verdict === 'failed')).toEqual([]);
      expect(played.map(({ scenario }) => scenario)).toEqual(only);
    });
  }
});
