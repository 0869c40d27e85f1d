import { describe, expect, it } from 'vitest';
import type { Backend, BackendName, Snapshot } from '../../../src/init/backends/backend.ts';
import { toSnapshot as readSnapshot } from '../../../src/init/backends/iptables.ts';
import { toInitConfig } from '../../../src/init/config.ts';
import { type FailureKind, InitFailure, toInitFailure } from '../../../src/init/failures.ts';
import { formatIptablesRule, toIptablesListing } from '../../../src/init/rules/iptables.ts';
import type { Ruleset } from '../../../src/init/rules/ruleset.ts';
import { toRuleset } from '../../../src/init/rules/ruleset.ts';
import { applyRuleset, replaceRules } from '../../../src/init/steps/apply.ts';
import { surveyBackends } from '../../../src/init/steps/survey.ts';
import type { Logger } from '../../../src/shared/logger.ts';

const ruleset = toRuleset(toInitConfig(new Map(), { INIT_GUARD: 'imds' }).redirect);
const older = toRuleset(toInitConfig(new Map(), { PROXY_PORT: '9000' }).redirect);
const absent = readSnapshot('', 'iptables');

function toSnapshot(held: Ruleset | undefined): Snapshot {
  if (held === undefined) return absent;
  const lines = Object.entries(held).flatMap(([chain, rules]) =>
    rules.map((rule) => `${chain} ${formatIptablesRule(rule)}`),
  );
  return { ...absent, isPresent: true, listing: toIptablesListing(held), lines };
}

interface FakeOptions {
  readonly holds?: Ruleset;
  /** How each attempt to replace ends, in order; after the last, and without any, it succeeds. */
  readonly replaces?: readonly (
    | FailureKind
    | 'ok'
    | 'ok, and undone by somebody'
    | 'guard, then rejected'
  )[];
  readonly read?: FailureKind;
  readonly dryRun?: FailureKind;
}

function fakeBackend(name: BackendName, options: FakeOptions = {}) {
  const log: string[] = [];
  let held = options.holds;
  const attempts = [...(options.replaces ?? [])];
  const backend: Backend = {
    name,
    priority: -100,
    toListing: toIptablesListing,
    async read() {
      if (options.read !== undefined) throw new InitFailure(options.read, { stderr: 'read' });
      return toSnapshot(held);
    },
    async dryRun() {
      if (options.dryRun !== undefined)
        throw new InitFailure(options.dryRun, { stderr: 'dry run' });
    },
    async replace(wanted) {
      const attempt = attempts.shift() ?? 'ok';
      log.push(attempt);
      switch (attempt) {
        case 'ok':
          held = wanted;
          return;
        case 'ok, and undone by somebody':
          held = older;
          return;
        case 'guard, then rejected':
          held = { ...older, 'filter OUTPUT': ruleset['filter OUTPUT'] };
          throw new InitFailure('rejected', { stderr: 'no' });
        default:
          throw new InitFailure(attempt, { stderr: 'no' });
      }
    },
  };
  return { backend, log, held: () => held };
}

function fakeLog() {
  const lines: string[] = [];
  const log: Logger = {
    isEnabled: () => true,
    log: (level, message, fields) =>
      lines.push(`${level} ${message} ${Object.values(fields ?? {})}`),
  };
  return { log, lines };
}

type Fake = ReturnType<typeof fakeBackend>;

async function apply(fakes: readonly Fake[], choice: BackendName | 'auto' = 'auto') {
  const { log, lines } = fakeLog();
  const survey = await surveyBackends(fakes.map(({ backend }) => backend));
  const outcome = await applyRuleset(ruleset, choice, survey, log).then(
    ({ backend }) => backend.name,
    (error: unknown) => toInitFailure(error),
  );
  return { outcome, lines };
}

const failureOf = (outcome: unknown): InitFailure =>
  outcome instanceof InitFailure ? outcome : new InitFailure('unexpected', { error: `${outcome}` });

describe('applying', () => {
  it('takes the first backend that the kernel accepts', async () => {
    const [iptables, nft] = [fakeBackend('iptables'), fakeBackend('nft')];
    expect((await apply([iptables, nft])).outcome).toBe('iptables');
    expect(iptables.held()).toBe(ruleset);
    expect(nft.log).toEqual([]);
  });

  it.each<FailureKind>(['no-binary', 'no-netfilter', 'missing-module'])(
    'tries the next backend after %s, in whatever call it occurs',
    async (kind) => {
      for (const fault of [{ read: kind }, { dryRun: kind }, { replaces: [kind] }]) {
        const [iptables, nft] = [fakeBackend('iptables', fault), fakeBackend('nft')];
        const { outcome, lines } = await apply([iptables, nft]);
        expect(outcome).toBe('nft');
        expect(nft.held()).toBe(ruleset);
        expect(lines.join()).toContain('backend iptables cannot be used');
      }
    },
  );

  it.each<FailureKind>([
    'no-net-admin',
    'legacy-no-net-raw',
    'lock-held',
    'lock-file',
    'unexpected',
  ])('stops at %s: no other backend helps', async (kind) => {
    const [iptables, nft] = [fakeBackend('iptables', { dryRun: kind }), fakeBackend('nft')];
    const { outcome } = await apply([iptables, nft]);
    expect(failureOf(outcome).exitCode).toBe(new InitFailure(kind).exitCode);
    expect(nft.log).toEqual([]);
  });

  it('removes the rules of the other backends after its own are in force', async () => {
    const iptables = fakeBackend('iptables', { holds: older });
    const legacy = fakeBackend('iptables-legacy', { holds: older });
    const nft = fakeBackend('nft');
    expect((await apply([iptables, nft, legacy], 'nft')).outcome).toBe('nft');
    expect([iptables.held(), nft.held(), legacy.held()]).toEqual([undefined, ruleset, undefined]);
  });

  it('removes what its own failed attempt left in another backend', async () => {
    const iptables = fakeBackend('iptables', { replaces: ['ok, and undone by somebody'] });
    const partial: Fake = {
      ...iptables,
      backend: {
        ...iptables.backend,
        async replace(wanted, snapshot) {
          await iptables.backend.replace(wanted, snapshot);
          if (wanted !== undefined) throw new InitFailure('missing-module', { stderr: 'no' });
        },
      },
    };
    const nft = fakeBackend('nft');
    expect((await apply([partial, nft])).outcome).toBe('nft');
    expect(iptables.held()).toBeUndefined();
  });

  it('warns about old rules that it cannot remove or see, and continues', async () => {
    const stuck = fakeBackend('iptables', { holds: older, replaces: Array(5).fill('rejected') });
    const blind = fakeBackend('iptables-legacy', { read: 'legacy-no-net-raw' });
    const { outcome, lines } = await apply([stuck, fakeBackend('nft'), blind], 'nft');
    expect(outcome).toBe('nft');
    expect(lines.join()).toContain('older rules of iptables, if any, could not be removed');
    expect(lines.join()).toContain('older rules of iptables-legacy, if any, could not be removed');
  });

  it.each<[string, readonly (FailureKind | undefined)[], BackendName | 'auto', FailureKind]>([
    ['no program at all', ['no-binary', 'no-binary', 'no-binary'], 'auto', 'no-binary'],
    [
      'no part of the kernel',
      ['no-netfilter', 'no-netfilter', 'no-netfilter'],
      'auto',
      'no-netfilter',
    ],
    ['a module missing', ['missing-module', 'no-binary', 'no-netfilter'], 'auto', 'missing-module'],
    ['some of each', ['no-netfilter', 'no-binary', 'no-binary'], 'auto', 'backend-unavailable'],
    [
      'legacy only, without NET_RAW',
      ['no-netfilter', 'no-netfilter', 'legacy-no-net-raw'],
      'auto',
      'no-net-raw',
    ],
    [
      'legacy only in the image',
      ['no-binary', 'no-binary', 'legacy-no-net-raw'],
      'auto',
      'legacy-no-net-raw',
    ],
    [
      'legacy requested',
      [undefined, undefined, 'legacy-no-net-raw'],
      'iptables-legacy',
      'legacy-no-net-raw',
    ],
    ['nft requested', [undefined, 'no-netfilter', undefined], 'nft', 'backend-unavailable'],
    ['nft requested, not installed', [undefined, 'no-binary', undefined], 'nft', 'no-binary'],
  ])('sums up: %s', async (_, kinds, choice, kind) => {
    const names = ['iptables', 'nft', 'iptables-legacy'] as const;
    const fakes = names.map((name, index) => {
      const read = kinds[index];
      return fakeBackend(name, read === undefined ? {} : { read });
    });
    expect(failureOf((await apply(fakes, choice)).outcome).kind).toBe(kind);
  });
});

describe('replacing', () => {
  const attempt = async (replaces: NonNullable<FakeOptions['replaces']>) => {
    const fake = fakeBackend('iptables', { holds: older, replaces });
    const outcome = await replaceRules(fake.backend, ruleset, await fake.backend.read()).then(
      () => 'done',
      (error: unknown) => toInitFailure(error),
    );
    return { outcome, attempts: fake.log.length };
  };

  it('reads again and retries if another program wrote in between', async () => {
    const { outcome, attempts } = await attempt(['rejected', 'ok, and undone by somebody', 'ok']);
    expect(outcome).toBe('done');
    expect(attempts).toBe(3);
  });

  it('gives up after five refusals, without a change', async () => {
    const { outcome, attempts } = await attempt(Array(9).fill('rejected'));
    expect(failureOf(outcome).message).toBe(
      'The kernel rejected the rules: no. Nothing was changed.',
    );
    expect(attempts).toBe(5);
  });

  it('does not claim that nothing was changed if something was', async () => {
    const { outcome } = await attempt(Array(9).fill('guard, then rejected'));
    expect(failureOf(outcome).kind).toBe('rejected-partly');
  });

  it('gives up if its rules do not stay', async () => {
    const { outcome, attempts } = await attempt(Array(9).fill('ok, and undone by somebody'));
    expect(failureOf(outcome).kind).toBe('contended');
    expect(failureOf(outcome).message).toContain('--to-ports 9000');
    expect(attempts).toBe(5);
  });

  it('does not retry if that cannot help', async () => {
    const { outcome, attempts } = await attempt(['no-net-admin', 'ok']);
    expect(failureOf(outcome).kind).toBe('no-net-admin');
    expect(attempts).toBe(1);
  });
});
