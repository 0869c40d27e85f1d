import { expect, test } from 'vitest';
import { clients } from '../lab/catalogue.ts';
import { parseCommandLine } from '../lab/command-line.ts';
import { usualScenarioNames } from '../lab/scenarios.ts';

test('by default every client plays every scenario, one client at a time', () => {
  expect(parseCommandLine([])).toEqual({
    action: 'run',
    clients,
    scenarios: usualScenarioNames,
    jobs: 1,
    records: false,
    reports: false,
  });
});

test('clients and scenarios can be chosen', () => {
  const chosen = parseCommandLine(['--only', 'curl', '--only', 'go-msal', '--scenario', 'down']);
  expect(chosen.clients.map(({ id }) => id)).toEqual(['curl', 'go-msal-1.10']);
  expect(chosen.scenarios).toEqual(['down']);
});

test('every client is in one shard, and in no other', () => {
  const shards = [1, 2, 3].map((part) => parseCommandLine(['--shard', `${part}/3`]).clients);
  expect(
    shards
      .flat()
      .map(({ id }) => id)
      .sort(),
  ).toEqual(clients.map(({ id }) => id).sort());
  const sizes = shards.map(({ length }) => length);
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
});

test('what is recorded is each kind of request once', () => {
  const { scenarios } = parseCommandLine(['--record']);
  expect(scenarios).toContain('unknown');
  expect(scenarios).not.toContain('down');
  expect(scenarios).not.toContain('concurrent');
});

test.each([
  [['--jobs', '0'], /--jobs/],
  [['--jobs', 'two'], /--jobs/],
  [['--only', 'curl', '--only', 'crul'], /crul/],
  [['--quick', '--only', 'java'], /java/],
  [['--scenario', 'down', '--scenario', 'dwon'], /dwon/],
  [['--report', '--scenario', 'down'], /--report/],
  [['--report', '--record'], /--report/],
  [['--record', '--scenario', 'down'], /--record/],
  [['--shard', '0/2'], /--shard/],
  [['--shard', '3/2'], /--shard/],
  [['--shard', '2'], /--shard/],
  [['--recrod'], /--recrod/],
])('%j is refused', (args, why) => {
  expect(() => parseCommandLine(args)).toThrow(why);
});
