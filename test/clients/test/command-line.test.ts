import { expect, test } from 'vitest';
import { clients } from '../lab/catalogue.ts';
import { parseCommandLine } from '../lab/command-line.ts';
import { scenarioNames } from '../lab/scenarios.ts';

test('by default every client plays every scenario, one client at a time', () => {
  expect(parseCommandLine([])).toEqual({
    action: 'run',
    clients,
    scenarios: scenarioNames,
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
  [['--recrod'], /--recrod/],
])('%j is refused', (args, why) => {
  expect(() => parseCommandLine(args)).toThrow(why);
});
