import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import type { AssertionClaims } from '../../../../src/proxy/entra/exchange/assertion.ts';
import { aadstsRules } from '../../../../src/proxy/entra/explain/aadsts.ts';
import { toRbacCommand } from '../../../../src/proxy/entra/explain/commands.ts';
import type { Advice } from '../../../../src/proxy/entra/explain/context.ts';
import { toAadstsAdvice } from '../../../../src/proxy/entra/explain/hints.ts';
import { authorityHost, clusterClaims, request } from '../support.ts';

const claims: AssertionClaims = {
  issuer: clusterClaims.iss,
  subject: clusterClaims.sub,
  audiences: clusterClaims.aud,
  expiresAtSeconds: clusterClaims.exp,
};

/** About a missing or differing federated credential. */
const credentialCodes = [70021, 700211, 700212, 700213, 7002138, 70025];

function adviceFor(
  overrides: Partial<AssertionClaims> = {},
  code = 70021,
  authority = authorityHost,
): Advice {
  const presented = {
    authorityHost: authority,
    identity: request.identity,
    claims: { ...claims, ...overrides },
    nowMs: 0,
  };
  const advice = toAadstsAdvice(code, presented);
  if (advice === undefined) throw new Error('no advice');
  return advice;
}

/** The words a shell makes of a command; the programs themselves are not run. */
function toWords(command: string): string[] {
  const script = `az() { printf '%s\\0' "$@"; }; ${command}`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

describe('advice for a missing federated credential', () => {
  it('names the presented values', () => {
    expect(adviceFor().hint).toContain(
      `Presented: issuer ${clusterClaims.iss}, subject ${clusterClaims.sub}, audience api://AzureADTokenExchange, for the client ID ${request.identity.clientId} in tenant ${request.identity.tenantId}.`,
    );
  });

  it('has the exact command that adds one, in the text and by itself', () => {
    const command = `az identity federated-credential create --name shop-checkout --identity-name '<IDENTITY_NAME>' --resource-group '<RESOURCE_GROUP>' --issuer ${clusterClaims.iss} --subject ${clusterClaims.sub} --audiences api://AzureADTokenExchange`;
    const { hint, remedy } = adviceFor();
    expect(remedy).toBe(command);
    expect(hint).toContain(`${command} (for both names: az identity list`);
  });

  it('has commands that a shell reads as they are meant', () => {
    const { hint, remedy = '' } = adviceFor();
    expect(toWords(remedy)).toEqual([
      'identity',
      'federated-credential',
      'create',
      '--name',
      'shop-checkout',
      '--identity-name',
      '<IDENTITY_NAME>',
      '--resource-group',
      '<RESOURCE_GROUP>',
      '--issuer',
      clusterClaims.iss,
      '--subject',
      clusterClaims.sub,
      '--audiences',
      'api://AzureADTokenExchange',
    ]);
    const list = /az identity list[^|)]*/.exec(hint)?.[0] ?? '';
    expect(toWords(list)).toEqual([
      'identity',
      'list',
      '--query',
      '[].[clientId,name,resourceGroup]',
      '--output',
      'tsv',
    ]);
  });

  it('has a command for app registrations that gives az the right JSON', () => {
    const command = /jq -n .*--parameters @-/.exec(adviceFor().hint)?.[0] ?? '';
    const [json = '', ...words] = execFileSync(
      'sh',
      ['-c', `az() { cat; printf '\\0'; printf '%s\\0' "$@"; }; ${command}`],
      { encoding: 'utf8' },
    ).split('\0');
    expect(JSON.parse(json)).toEqual({
      name: 'shop-checkout',
      issuer: clusterClaims.iss,
      subject: clusterClaims.sub,
      audiences: ['api://AzureADTokenExchange'],
    });
    expect(words.slice(0, -1)).toEqual([
      'ad',
      'app',
      'federated-credential',
      'create',
      '--id',
      request.identity.clientId,
      '--parameters',
      '@-',
    ]);
  });

  it.each<[string, Partial<AssertionClaims>]>([
    ['no issuer', { issuer: undefined }],
    ['an issuer that is not an https URL', { issuer: 'kubernetes/serviceaccount' }],
    ['an issuer inside the cluster', { issuer: 'https://kubernetes.default.svc.cluster.local' }],
    ['an issuer with a short name of the cluster', { issuer: 'https://kubernetes.default.svc' }],
    ['an issuer with a character of the shell', { issuer: 'https://i.example/$(touch%20x)' }],
    ['an issuer with a quote', { issuer: "https://i.example/'" }],
    ['no subject', { subject: undefined }],
    [
      'a subject that is not a ServiceAccount',
      { subject: 'repo:contoso/shop:ref:refs/heads/main' },
    ],
    ['a subject that az would read as a file', { subject: '@/etc/passwd' }],
    ['a subject that az would read as an option', { subject: '--debug' }],
    ['a subject with a line feed', { subject: 'system:serviceaccount:a:b\nc' }],
    ['a subject with a character of the shell', { subject: 'system:serviceaccount:a:$(b)' }],
    ['several audiences', { audiences: ['api://AzureADTokenExchange', 'b'] }],
    [
      'two audiences of Entra',
      { audiences: ['api://AzureADTokenExchange', 'api://AzureADTokenExchangeChina'] },
    ],
    ['no audience', { audiences: [] }],
  ])('has no command that adds one for %s', (_name, overrides) => {
    for (const code of credentialCodes) {
      const { hint, remedy = '' } = adviceFor(overrides, code);
      expect(`${hint} ${remedy}`).not.toMatch(/federated-credential create/);
      expect(hint).toContain('Presented: ');
    }
  });

  it('makes a name that Entra accepts of any ServiceAccount', () => {
    const dnsName = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,100}[a-z0-9])?$/);
    fc.assert(
      fc.property(dnsName, dnsName, (namespace, account) => {
        const { remedy } = adviceFor({ subject: `system:serviceaccount:${namespace}:${account}` });
        const name = / --name (\S+) /.exec(remedy ?? '')?.[1];
        expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9_-]{2,119}$/);
      }),
    );
  });

  it('warns when the subject is shared by all pods of the namespace', () => {
    expect(adviceFor({ subject: 'system:serviceaccount:shop:default' }).hint).toMatch(
      /all pods of the namespace that name no ServiceAccount/,
    );
    expect(adviceFor().hint).not.toContain('all pods of the namespace');
  });
});

describe('advice for a token of the wrong audience', () => {
  it.each([
    ['https://login.microsoftonline.com', 'api://AzureADTokenExchange'],
    ['https://login.microsoftonline.us', 'api://AzureADTokenExchangeUSGov'],
    ['https://login.chinacloudapi.cn', 'api://AzureADTokenExchangeChina'],
    ['https://login.partner.microsoftonline.cn', 'api://AzureADTokenExchangeChina'],
  ])(
    'says to mount a token with the right audience, never to trust it: %s',
    (authority, audience) => {
      for (const wrong of [
        'https://kubernetes.default.svc',
        'https://kubernetes.default.svc.cluster.local',
        'vault',
        'sts.amazonaws.com',
        'api://AzureADTokenExchange.evil.example',
      ]) {
        for (const code of credentialCodes) {
          const { hint, remedy } = adviceFor({ audiences: [wrong] }, code, authority);
          expect(hint).toContain('Do not add a federated credential for that audience');
          expect(hint).not.toMatch(/\baz (?:identity|ad) .*create|--audiences/);
          expect(parseYaml(remedy ?? '')).toEqual({
            name: 'azure-identity-token',
            projected: {
              sources: [
                {
                  serviceAccountToken: {
                    audience,
                    expirationSeconds: 3_600,
                    path: 'azure-identity-token',
                  },
                },
              ],
            },
          });
        }
      }
    },
  );
});

describe('RBAC for the token proxy', () => {
  const clientId = request.identity.clientId;

  it('is one command whose YAML lets one ServiceAccount use one identity', () => {
    const command = toRbacCommand(clientId, clusterClaims.sub) ?? '';
    const yaml = execFileSync('sh', ['-c', `kubectl() { cat; }; ${command}`], { encoding: 'utf8' });
    expect(parseYaml(yaml, { version: '1.1' })).toEqual({
      apiVersion: 'v1',
      kind: 'List',
      items: [
        {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'ClusterRole',
          metadata: { name: `identity-binding-${clientId}` },
          rules: [
            {
              apiGroups: ['cid.wi.aks.azure.com'],
              resources: [clientId],
              verbs: ['use-managed-identity'],
            },
          ],
        },
        {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'ClusterRoleBinding',
          metadata: { name: `identity-binding-${clientId}-shop-checkout` },
          roleRef: {
            apiGroup: 'rbac.authorization.k8s.io',
            kind: 'ClusterRole',
            name: `identity-binding-${clientId}`,
          },
          subjects: [{ kind: 'ServiceAccount', namespace: 'shop', name: 'checkout' }],
        },
      ],
    });
  });

  it.each([
    ['nobody', undefined],
    ['a user', 'jane'],
    ['a name that YAML reads as a boolean', 'system:serviceaccount:shop:on'],
    ['a name that YAML reads as a number', 'system:serviceaccount:shop:1e3'],
    ['a namespace that YAML takes for null', 'system:serviceaccount:null:checkout'],
  ])('has no command for %s', (_name, subject) => {
    expect(toRbacCommand(clientId, subject)).toBeUndefined();
  });

  it('is read as strings, whatever the GUID looks like', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        const command = toRbacCommand(id, clusterClaims.sub) ?? '';
        const yaml = command.slice("echo '".length, command.indexOf("' | "));
        const [role] = parseYaml(yaml, { version: '1.1' }).items;
        expect(role.rules[0].resources).toEqual([id]);
      }),
    );
  });
});

/**
 * Every command that any hint prints begins in one of these ways, each with the reason why it does no harm when
 * it is pasted as it stands.
 */
const harmless: readonly [prefix: RegExp, because: string][] = [
  [/^az identity list --query /, 'reads'],
  [/^az identity federated-credential list /, 'reads'],
  [/^az aks identity-binding list /, 'reads'],
  [/^az aks show /, 'reads'],
  [
    /^az identity federated-credential create .*--subject system:serviceaccount:\S+ --audiences api:\/\/AzureADTokenExchange[A-Za-z]*$/,
    'trusts one ServiceAccount, and fails until somebody fills in the names of the identity',
  ],
  [
    /^az ad app federated-credential create --id [\da-f-]{36} --parameters @-/,
    'the same, of one app',
  ],
];

const found = new Set<string>();

describe('no advice does harm', () => {
  afterAll(() => {
    // Otherwise the search for commands finds none and proves nothing.
    expect([...found].sort()).toEqual(harmless.map(([prefix]) => String(prefix)).sort());
  });

  const presentations = [
    {},
    { audiences: ['https://kubernetes.default.svc'] },
    { audiences: [] },
    { issuer: undefined, subject: undefined, audiences: [], expiresAtSeconds: undefined },
    { issuer: 'https://kubernetes.default.svc.cluster.local' },
  ].flatMap((overrides) =>
    [undefined, { url: 'https://kubernetes.default.svc:6443/' }].map((tokenProxy) => ({
      authorityHost,
      identity: request.identity,
      claims: { ...claims, ...overrides },
      nowMs: 0,
      tokenProxy,
    })),
  );

  it.each(aadstsRules.flatMap(({ codes }) => codes))('AADSTS%i', (code) => {
    for (const presented of presentations) {
      const { hint = '', remedy = '' } = toAadstsAdvice(code, presented) ?? {};
      // JSON would escape these, and a log line or an answer could not be pasted from.
      expect(`${hint}${remedy}`).not.toMatch(/["\\]|\p{C}/u);
      const commands = [remedy, ...hint.split(/: |\. |; | \(|\) ?|\| /)]
        .flatMap((part) => /\baz (?!aks\b.*publish)[a-z].*/.exec(part)?.[0] ?? [])
        .map((command) => command.trim().replace(/\.$/, ''));
      for (const command of commands) {
        const [prefix, reason] = harmless.find(([start]) => start.test(command)) ?? [];
        expect([command, reason]).toEqual([command, expect.any(String)]);
        found.add(String(prefix));
      }
      expect(hint).not.toMatch(/--admin|rotate|delete|--force|az aks update|\bsudo\b/);
    }
  });
});
