import { describe, expect, it } from 'vitest';
import { findingCodes } from '../../../src/migrate/finding-codes.ts';
import {
  binding,
  clientId,
  identity,
  issuer,
  mic,
  runMigrateOn,
  serviceAccount,
  tenantId,
  toYaml,
  workload,
} from '../../support/migrate.ts';
import { findSchemaFaults, planSchema } from '../../support/plan-schema.ts';

const spec = { clientID: clientId(1) };
const stdin = toYaml(
  identity('reader', { spec }),
  identity('writer', { spec: { type: 1, clientID: clientId(2), tenantID: tenantId } }),
  binding('r', 'reader', 'web'),
  binding('w', 'writer', 'web'),
  binding('a', 'reader', 'api'),
  serviceAccount('api'),
  workload('web', 'web'),
  workload('api', 'api', { spec: { serviceAccountName: 'api' } }),
  workload('agent', 'api', { kind: 'DaemonSet', spec: { hostNetwork: true } }),
  workload('other', undefined),
  mic([]),
  {
    apiVersion: 'secrets-store.csi.x-k8s.io/v1',
    kind: 'SecretProviderClass',
    metadata: { name: 'vault', namespace: 'shop' },
    spec: { parameters: { usePodIdentity: 'true' } },
  },
);
const flags = [`--issuer=${issuer}`, `--tenant-id=${tenantId}`];

describe('the table', () => {
  it('has the notes about identities, with their places', async () => {
    const unused = identity('spare', { spec: { clientID: clientId(7).toUpperCase() } });
    const { stdout } = await runMigrateOn([], { stdin: toYaml(unused) });
    expect(stdout).toMatch(
      /^ {2}stdin:2: AzureIdentity shop\/spare: note: no workload of the input uses it; /m,
    );
  });

  it('has a line for each workload, identity and credential, and the findings that need a person', async () => {
    const { stdout, stderr, exitCode } = await runMigrateOn(flags, { stdin });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines.slice(0, 4)).toEqual([
      'NAMESPACE  WORKLOAD         LABEL  IDENTITY                  SERVICEACCOUNT  STATUS',
      'shop       DaemonSet/agent  api    reader                    default         blocked',
      'shop       Deployment/api   api    reader                    api (annotate)  ready',
      'shop       Deployment/web   web    reader (default), writer  web (create)    attention',
    ]);
    expect(stdout).toContain('\nDaemonSet shop/agent (stdin:');
    expect(stdout).toMatch(/\n {2}blocked: hostNetwork is true: .*; run without it/);
    expect(stdout).toMatch(/\n {2}attention: of reader, writer, reader is the default/);
    expect(stdout).toContain(`shop       writer    ${clientId(2)}  ServicePrincipalSecret`);
    expect(stdout).toMatch(/\nSecretProviderClass shop\/vault \(stdin:\d+\):\n {2}attention: /);
    expect(stdout).toContain('  Deployment kube-system/aad-pod-identity-mic (MIC)\n');
    expect(lines.slice(-5)).toEqual([
      '3 workloads: 1 ready, 1 attention, 1 blocked; 1 other workload without identity',
      '2 AzureIdentities, 3 federated credentials to create, 4 still depending on AAD Pod Identity',
      'AAD Pod Identity matches across namespaces here.',
      '3 notes about workloads: --output=markdown or json shows them',
      '',
    ]);
    for (const line of lines) expect(line).toBe(line.trimEnd());
  });

  it('says so when there is nothing to do', async () => {
    const { stdout } = await runMigrateOn(flags, { stdin: toYaml(workload('web', undefined)) });
    expect(stdout).toBe(
      '0 workloads; 1 other workload without identity\n0 AzureIdentities, 0 federated credentials to create, 0 still depending on AAD Pod Identity\nThe input does not say whether AAD Pod Identity matches across namespaces.\n',
    );
  });
});

describe('Markdown', () => {
  it('has everything, in tables whose rows have as many cells as their heads', async () => {
    const { stdout } = await runMigrateOn([...flags, '--output=markdown'], { stdin });
    expect(stdout.match(/^## .*/gm)).toEqual([
      '## Workloads',
      '## Findings',
      '## ServiceAccounts',
      '## Identities',
      '## Federated credentials',
      '## SecretProviderClasses',
      '## To remove when nothing depends on them',
      '## Notes',
    ]);
    expect(stdout).toContain(
      '| shop | Deployment web | web | reader (default), writer | web (create) | containers | attention |',
    );
    expect(stdout).toContain('- **attention** several-identities: of reader, writer, ');
    expect(stdout).toContain('- note service-account-created: ');
    const tables = stdout.matchAll(/(?:^\|.*\n)+/gm);
    for (const [table] of tables) {
      const cells = table
        .trim()
        .split('\n')
        .map((row) => row.split(/(?<!\\)\|/).length);
      expect(new Set(cells).size, table).toBe(1);
    }
  });

  it('puts errors first', async () => {
    const { stdout, exitCode } = await runMigrateOn([...flags, '--output=markdown'], {
      stdin: `${stdin}---\na: [\n`,
    });
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/\n\n## Errors in the input\n\n.*\n\n- stdin:\d+: not YAML/);
  });
});

describe('JSON', () => {
  it('is as its schema says, with every field', async () => {
    for (const more of [[], ['--identity-binding'], ['--default-identity=web=writer']]) {
      const argv = [...flags, '--output=json', ...more];
      const { stdout } = await runMigrateOn(argv, { stdin: `${stdin}---\na: [\n` });
      expect(findSchemaFaults(stdout)).toEqual([]);
    }
    const bare = await runMigrateOn(['--output=json'], { stdin });
    expect(findSchemaFaults(bare.stdout)).toEqual([]);
  });

  it('has codes that the schema knows, and no others', () => {
    expect(planSchema.$defs.code.enum).toEqual(Object.keys(findingCodes));
  });

  it('goes to standard output alone, also with errors', async () => {
    const { stdout, stderr } = await runMigrateOn(['--output=json'], { stdin: 'a: [\n' });
    expect(() => JSON.parse(stdout)).not.toThrow();
    expect(stderr).toMatch(/^migrate: error: stdin:/);
  });

  it('is the same in every run', async () => {
    const [first, second] = await Promise.all(
      [1, 2].map(() => runMigrateOn([...flags, '--output=json'], { stdin })),
    );
    expect(first?.stdout).toBe(second?.stdout);
  });
});

describe('--check', () => {
  it('lists everything that depends, and exits with 1', async () => {
    const { stdout, exitCode } = await runMigrateOn(['--check'], { stdin });
    expect(exitCode).toBe(1);
    expect(stdout.replaceAll(/stdin:\d+/g, 'stdin:1')).toBe(
      [
        'stdin:1: DaemonSet shop/agent: label aadpodidbinding: api',
        'stdin:1: Deployment shop/api: label aadpodidbinding: api',
        'stdin:1: Deployment shop/web: label aadpodidbinding: web',
        'stdin:1: SecretProviderClass shop/vault: usePodIdentity: "true"',
        '4 depend on AAD Pod Identity',
        '',
      ].join('\n'),
    );
  });

  it('exits with 0 when nothing does, whatever of AAD Pod Identity is left', async () => {
    const input = toYaml(
      identity('reader'),
      binding('r', 'reader', 'web'),
      workload('web', ''),
      mic([]),
    );
    const { stdout, exitCode } = await runMigrateOn(['--check'], { stdin: input });
    expect(exitCode).toBe(0);
    expect(stdout).toBe(
      'nothing depends on AAD Pod Identity; 2 objects of AAD Pod Identity can be removed\n',
    );
  });

  it('goes with every output', async () => {
    for (const output of ['json', 'markdown']) {
      const { stdout, exitCode } = await runMigrateOn(['--check', `--output=${output}`], { stdin });
      expect(exitCode).toBe(1);
      expect(stdout).toMatch(output === 'json' ? /^\{/ : /^# /);
    }
  });

  it('fails closed: an input at fault is a failure', async () => {
    const { exitCode } = await runMigrateOn(['--check'], { stdin: 'a: [\n' });
    expect(exitCode).toBe(1);
  });
});

describe('the command line', () => {
  it.each([
    [['--nope'], /^migrate: unknown flag --nope\nSee migrate --help\.\n$/],
    [['--isuer=x'], /did you mean --issuer\?/],
    [['--output=yaml'], /^migrate: --output: "yaml" is not a valid choice/],
    [['--issuer=http://x'], /^migrate: --issuer: "http:\/\/x" is not an https URL/],
    [['--tenant-id=common'], /means any tenant/],
    [['--default-identity=a/b/c/d=x'], /names no workload/],
    [['--default-identity=a=b=c'], /names no identity/],
    [['--webhook=maybe'], /^migrate: --webhook: /],
    [['--cpu-request=1', '--cpu-limit=10m'], /above the limit/],
  ])('%s is refused, with the fix', async (argv, message) => {
    const { exitCode, stderr, stdout } = await runMigrateOn(argv, { stdin });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('asks for input instead of waiting for somebody to type it', async () => {
    const { exitCode, stderr } = await runMigrateOn([], {});
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(
      /^migrate: name a file or folder, or pipe the output of kubectl get in\n/,
    );
  });

  it('prints its help', async () => {
    const { exitCode, stdout } = await runMigrateOn(['--help'], {});
    expect(exitCode).toBe(0);
    for (const flag of ['--issuer', '--default-identity', '--cluster-scoped', '--proxy-image']) {
      expect(stdout).toContain(flag);
    }
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThan(110);
  });

  it('takes the defaults of inject.yaml, but not its webhook, which has another meaning there', async () => {
    const files = {
      'a/shop.yaml': stdin,
      'a/inject.yaml': 'webhook: present\nno-redirect: true\nheader-secret: identity\n',
    };
    const { stdout, stderr } = await runMigrateOn(['--output=json', 'a'], { files });
    expect(stderr).toBe('');
    const plan = JSON.parse(stdout);
    expect(plan.workloads[1].injection.kind).toBe('containers');
    const present = await runMigrateOn(['--output=json', '--webhook=present', 'a/shop.yaml'], {
      files,
    });
    expect(JSON.parse(present.stdout).workloads[1].injection.kind).toBe('annotation');
  });

  it('says when its output cannot be written', async () => {
    const { exitCode, stderr } = await runMigrateOn([], { stdin, writeError: new Error('EPIPE') });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('standard output cannot be written: EPIPE');
  });
});
