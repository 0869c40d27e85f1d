/** What annotations, ServiceAccounts and namespaces make the injection policy do, by the API server's own code. */
import type { V1Container, V1Pod } from '@kubernetes/client-node';
import { beforeAll, expect, it } from 'vitest';
import { readProxyRequest } from '../../../src/inject/proxy-request.ts';
import { type Admission, evaluationObstacle, readPolicy } from '../../support/policy-evaluation.ts';
import { createWorld, type Surroundings, tenantId, toPod } from '../../support/policy-world.ts';
import { describeUnless } from '../../support/skip.ts';

const file = 'deploy/policies/inject.yaml';
const settings = { tenantId: JSON.stringify(tenantId) };
const world = createWorld(readPolicy(file, settings));
const azure = (name: string): string => `azure.workload.identity/${name}`;
const own = (name: string): string => `workload-identity-imds-proxy/${name}`;
const containerOf = ({ pod }: Admission, name: string): V1Container | undefined =>
  [...(pod?.spec?.initContainers ?? []), ...(pod?.spec?.containers ?? [])].find(
    (one) => one.name === name,
  );
const envOf = (admission: Admission, name = 'azwi-proxy'): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    (containerOf(admission, name)?.env ?? []).map((one) => [one.name, one.value ?? one.valueFrom]),
  );
const namesOf = ({ pod }: Admission): readonly string[] =>
  (pod?.spec?.initContainers ?? []).map(({ name }) => name);

/** Pods that are refused, with words of the message. */
const refused: readonly (readonly [
  what: string,
  message: RegExp,
  pod: V1Pod,
  surroundings?: Surroundings,
])[] = [
  ['hostNetwork', /hostNetwork is true/, toPod({}, { hostNetwork: true })],
  ['Windows by its OS', /for Windows/, toPod({}, { os: { name: 'windows' } })],
  [
    'Windows by its node selector',
    /for Windows/,
    toPod({}, { nodeSelector: { 'kubernetes.io/os': 'windows' } }),
  ],
  [
    'Windows by its affinity',
    /for Windows/,
    toPod(
      {},
      {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                {
                  matchExpressions: [
                    { key: 'kubernetes.io/os', operator: 'NotIn', values: ['linux'] },
                  ],
                },
              ],
            },
          },
        },
      },
    ),
  ],
  ['virtual nodes', /for virtual nodes/, toPod({}, { nodeSelector: { type: 'virtual-kubelet' } })],
  ['a yes of another kind', /neither "true" nor "false"/, toPod({ [azure('proxy')]: 'yes' })],
  ['a port that is not a number', /not a port/, toPod({ [azure('proxy-sidecar-port')]: '80x' })],
  ['an empty port', /not a port/, toPod({ [azure('proxy-sidecar-port')]: '' })],
  ['a port above 65535', /not a port/, toPod({ [azure('proxy-sidecar-port')]: '65536' })],
  ['the port of the metrics', /choose another/, toPod({ [azure('proxy-sidecar-port')]: '9808' })],
  [
    'an expiry with a unit',
    /3600 to 86400: the pod or its ServiceAccount wi/,
    toPod({ [azure('service-account-token-expiration')]: '3600s' }),
  ],
  [
    "a ServiceAccount's expiry that is too short",
    /3600 to 86400/,
    toPod(),
    { account: { [azure('service-account-token-expiration')]: '600' } },
  ],
  [
    'a binding without a token proxy',
    /knows no token proxy/,
    toPod({ [azure('use-identity-binding')]: 'true' }),
  ],
  [
    'a port that the application has',
    /a container listens on port 8000 or 9808.*: app;/,
    toPod({}, { containers: [{ name: 'app', image: 'x', ports: [{ containerPort: 8000 }] }] }),
  ],
  [
    'a probe on the port of the metrics',
    /a container listens on port/,
    toPod(
      {},
      { containers: [{ name: 'app', image: 'x', livenessProbe: { httpGet: { port: 9808 } } }] },
    ),
  ],
  [
    'the user of the proxy, by the pod',
    /runs as user 1501.*: app;/,
    toPod({}, { securityContext: { runAsUser: 1501 } }),
  ],
  [
    'a client ID that is a name',
    /client-id is not a GUID: ServiceAccount wi/,
    toPod(),
    { account: { [azure('client-id')]: 'my-identity' } },
  ],
  [
    'a tenant that is a sentence',
    /neither a GUID nor a domain/,
    toPod(),
    { account: { [azure('tenant-id')]: 'my tenant' } },
  ],
  [
    'Pod Security',
    /enforces Pod Security restricted.*redirect: "false"/,
    toPod(),
    { namespaceLabels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  ],
  [
    'an empty list of allowed clients',
    /allowed-client-ids is empty/,
    toPod(),
    { namespaceAnnotations: { [own('allowed-client-ids')]: ' , ' } },
  ],
  ['identities that are not JSON', /not a JSON list/, toPod({ [own('identities')]: 'abc' })],
  [
    'identities from two places',
    /both set/,
    toPod({ [own('identities')]: '[]', [own('identities-configmap')]: 'more' }),
  ],
  [
    'a ConfigMap that is a path',
    /neither a name nor NAME\/KEY/,
    toPod({ [own('identities-configmap')]: '../x/y' }),
  ],
  ['a redirect that is off', /redirect is neither/, toPod({ [own('redirect')]: 'off' })],
  [
    'two faults, both named',
    /hostNetwork is true.*; also: .*not a port/,
    toPod({ [azure('proxy-sidecar-port')]: '0' }, { hostNetwork: true }),
  ],
];

/** Pods whose wish is read as `inject` reads it. */
const wishes: readonly Readonly<Record<string, string>>[] = [
  { [azure('inject-proxy-sidecar')]: 'true' },
  { [azure('proxy')]: 'true' },
  { [azure('proxy')]: 'True' },
  { [azure('inject-proxy-sidecar')]: 'false' },
  { [azure('inject-proxy-sidecar')]: 'FALSE', [azure('proxy')]: 'true' },
  { [azure('inject-proxy-sidecar')]: 'true', [azure('proxy')]: 'false' },
  { [azure('inject-proxy-sidecar')]: '' },
  { [azure('proxy')]: '1' },
  {},
];

describeUnless(evaluationObstacle, 'the injection policy', () => {
  const refusals = refused.map(
    ([what, message, pod, surroundings]) => [what, message, world.add(pod, surroundings)] as const,
  );
  const asked = wishes.map((annotations) => {
    const pod = toPod();
    const metadata = { ...pod.metadata, annotations };
    return [annotations, world.add({ ...pod, metadata })] as const;
  });
  const other = 'bbbbbbbb-0000-4000-8000-00000000000b';
  const admitted = {
    namespaceIdentity: world.add(toPod(), {
      account: {},
      namespaceAnnotations: {
        [azure('client-id')]: other,
        [azure('tenant-id')]: 'contoso.example',
      },
    }),
    otherTenant: world.add(toPod(), { account: { [azure('tenant-id')]: other } }),
    noClient: world.add(toPod(), { account: {} }),
    expiry: world.add(toPod({ [azure('service-account-token-expiration')]: '7200' }), {
      account: { [azure('service-account-token-expiration')]: '4800' },
    }),
    allowed: world.add(toPod(), {
      namespaceAnnotations: {
        [own('allowed-client-ids')]: other,
        [own('allowed-resources')]: 'https://vault.azure.net',
      },
    }),
    identities: world.add(toPod({ [own('identities')]: `[{"clientId": "${other}"}]` })),
    configMap: world.add(toPod({ [own('identities-configmap')]: 'more/list' })),
    otherUser: world.add(toPod({}, { securityContext: { runAsUser: 1501, runAsGroup: 2000 } })),
    unredirected: world.add(
      toPod(
        { [own('redirect')]: 'false', [own('header-secret')]: 'secret' },
        {
          containers: [
            { name: 'app', image: 'x', env: [{ name: 'A', value: 'b' }] },
            { name: 'set', image: 'x', env: [{ name: 'MSI_SECRET', value: 'own' }] },
          ],
        },
      ),
      { namespaceLabels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    ),
    stale: world.add(
      toPod(
        {},
        {
          initContainers: [
            { name: 'first', image: 'x' },
            { name: 'azwi-proxy', image: 'stale:1' },
            { name: 'azwi-proxy-init', image: 'stale:1' },
          ],
          volumes: [{ name: 'imds-proxy-token', emptyDir: {} }],
        },
      ),
    ),
    written: world.add(toPod({ [own('fault')]: 'no way' })),
    mirror: world.add(toPod({ 'kubernetes.io/config.mirror': 'x' }, { hostNetwork: true })),
    unlabelled: world.add({ ...toPod(), metadata: { ...toPod().metadata, labels: {} } }),
    crowd: world.add(toPod(), {
      moreAccounts: Array.from({ length: 500 }, (_, index) => ({
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: `other-${index}` },
      })),
    }),
    many: world.add(
      toPod(
        {},
        {
          containers: Array.from({ length: 500 }, (_, index) => ({
            name: `c${index}`,
            image: 'x',
            ports: [{ containerPort: 20_000 + index }],
          })),
        },
      ),
    ),
  };
  beforeAll(() => world.run());

  it.each(refusals)('refuses %s', (_, message, result) => {
    expect(result().denied).toMatch(message);
    expect(result().denied).toMatch(/denied request: imds-proxy: /);
    expect(namesOf(result())).not.toContain('azwi-proxy');
  });

  it.each(asked)('reads the wish %j as `inject` does', (annotations, result) => {
    const { kind } = readProxyRequest({ metadata: { annotations: { ...annotations } } });
    const denied = result().denied !== undefined;
    const isInjected = namesOf(result()).includes('azwi-proxy');
    expect({ denied, isInjected }).toEqual({
      denied: kind === 'unclear',
      isInjected: kind === 'wanted',
    });
  });

  it('takes the identity of the namespace if the ServiceAccount names none', () => {
    expect(envOf(admitted.namespaceIdentity())).toMatchObject({
      AZURE_CLIENT_ID: other,
      AZURE_TENANT_ID: 'contoso.example',
    });
  });

  it('takes the tenant of the ServiceAccount before the one of the settings', () => {
    expect(envOf(admitted.otherTenant())).toMatchObject({ AZURE_TENANT_ID: other });
  });

  it('admits a ServiceAccount without a client ID, with a warning', () => {
    expect(admitted.noClient().denied).toBeUndefined();
    expect(envOf(admitted.noClient())).not.toHaveProperty('AZURE_CLIENT_ID');
    expect(admitted.noClient().warnings.join()).toMatch(/ServiceAccount wi has no annotation/);
  });

  it('takes the expiry of the pod before the one of the ServiceAccount', () => {
    expect(JSON.stringify(admitted.expiry().pod?.spec?.volumes)).toContain(
      '"expirationSeconds":7200',
    );
  });

  it('passes on the allow-lists of the namespace', () => {
    expect(envOf(admitted.allowed())).toMatchObject({
      IMDS_PROXY_ALLOWED_CLIENT_IDS: other,
      IMDS_PROXY_ALLOWED_RESOURCES: 'https://vault.azure.net',
    });
  });

  it('passes on more identities, from the pod or from a ConfigMap', () => {
    expect(envOf(admitted.identities())['IMDS_PROXY_IDENTITIES']).toBe(
      `[{"clientId": "${other}"}]`,
    );
    expect(envOf(admitted.configMap())['IMDS_PROXY_IDENTITIES']).toEqual({
      configMapKeyRef: { name: 'more', key: 'list' },
    });
  });

  it('admits user 1501 in another group, which the redirect catches', () => {
    expect(admitted.otherUser().denied).toBeUndefined();
  });

  it('without the redirect: no NET_ADMIN, and containers that are not pointed already are', () => {
    const result = admitted.unredirected();
    expect(result.denied).toBeUndefined();
    expect(namesOf(result)).toEqual(['azwi-proxy']);
    expect(JSON.stringify(result.pod)).not.toContain('NET_ADMIN');
    const secret = { secretKeyRef: { name: 'secret', key: 'header' } };
    expect(envOf(result)['IMDS_PROXY_IDENTITY_HEADER']).toEqual(secret);
    expect(envOf(result, 'app')).toEqual({
      A: 'b',
      IDENTITY_ENDPOINT: 'http://127.0.0.1:8000/msi/token',
      IDENTITY_HEADER: secret,
      MSI_ENDPOINT: 'http://127.0.0.1:8000/msi/token',
      MSI_SECRET: secret,
    });
    expect(envOf(result, 'set')).toEqual({ MSI_SECRET: 'own' });
  });

  it('replaces containers and a volume that only have the names', () => {
    const result = admitted.stale();
    expect(namesOf(result)).toEqual(['azwi-proxy-init', 'azwi-proxy', 'first']);
    expect(JSON.stringify(result.pod)).not.toMatch(/stale:1|emptyDir/);
    expect(result.pod?.spec?.volumes).toHaveLength(1);
  });

  it('refuses a pod with a fault that somebody wrote there', () => {
    expect(admitted.written().denied).toMatch(/imds-proxy: no way/);
  });

  it('leaves the mirror of a static pod alone', () => {
    expect(admitted.mirror().denied).toBeUndefined();
    expect(namesOf(admitted.mirror())).toEqual([]);
  });

  it('warns about the annotation without the label', () => {
    expect(admitted.unlabelled().denied).toBeUndefined();
    expect(admitted.unlabelled().warnings.join()).toMatch(/and not the label/);
    expect(namesOf(admitted.unlabelled())).toEqual([]);
  });

  it('finds one ServiceAccount among 500', () => {
    expect(namesOf(admitted.crowd())).toEqual(['azwi-proxy-init', 'azwi-proxy']);
    const { microseconds } = admitted.crowd();
    console.log(`among 501 ServiceAccounts: ${(microseconds / 1000).toFixed(0)} ms`);
  });

  it('costs a hundredth of the limit at most, also for 500 containers', () => {
    const cost = ({ cost: costs }: Admission): number => costs['imds-proxy-inject'] ?? Number.NaN;
    console.log(`cost: ${cost(admitted.expiry())}; 500 containers: ${cost(admitted.many())}`);
    expect(admitted.many().denied).toBeUndefined();
    expect(cost(admitted.many())).toBeLessThan(100_000);
    expect(cost(admitted.expiry())).toBeGreaterThan(0);
  });
});

describeUnless(evaluationObstacle, 'the injection policy in other clusters', () => {
  it('refuses pods without any tenant', async () => {
    const without = createWorld(readPolicy(file));
    const result = without.add(toPod());
    await without.run();
    expect(result().denied).toMatch(/no tenant is known: ServiceAccount wi or namespace case-0/);
  });

  it('with a selector, refuses a pod whose ServiceAccount is not selected, and says so', async () => {
    const policies = readPolicy(file, settings);
    const binding = policies.find(({ kind }) => kind === 'MutatingAdmissionPolicyBinding');
    Object.assign(binding?.spec ?? {}, {
      paramRef: { selector: { matchLabels: { use: 'true' } }, parameterNotFoundAction: 'Allow' },
    });
    const selected = createWorld(policies);
    const results = [{}, { use: 'true' }].map((accountLabels) =>
      selected.add(toPod(), { accountLabels }),
    );
    await selected.run();
    expect(results[0]?.().denied).toMatch(/ServiceAccount wi was not selected/);
    expect(results[1]?.().denied).toBeUndefined();
  });

  it('two releases in one cluster make one pair, of the first', async () => {
    const second = readPolicy(file, {
      ...settings,
      proxyImage: '"example.test/second:1"',
      logLevel: '"debug"',
    }).map((object) => {
      const { policyName } = object.spec;
      return {
        ...object,
        metadata: { name: `${object.metadata.name}-z` },
        spec: { ...object.spec, ...(policyName && { policyName: `${policyName}-z` }) },
      };
    });
    const both = createWorld([...readPolicy(file, settings), ...second]);
    const result = both.add(toPod());
    await both.run();
    expect(result().denied).toBeUndefined();
    expect(namesOf(result())).toEqual(['azwi-proxy-init', 'azwi-proxy']);
  });

  it('other webhooks may put containers in front; the next round puts ours first again', async () => {
    const first = createWorld(readPolicy(file, settings));
    const result = first.add(toPod());
    await first.run();
    const { pod } = result();
    const added = { name: 'mesh', image: 'x' };
    const changed: V1Pod = {
      ...toPod(),
      spec: {
        ...toPod().spec,
        containers: pod?.spec?.containers ?? [],
        volumes: pod?.spec?.volumes ?? [],
        initContainers: [added, ...(pod?.spec?.initContainers ?? [])],
      },
    };
    const again = createWorld(readPolicy(file, settings));
    const policed = again.add(changed);
    const checked = createWorld(
      readPolicy(file, settings).filter(({ kind }) => !kind.startsWith('Mutating')),
    );
    const unpoliced = checked.add(changed);
    await again.run();
    await checked.run();
    expect(namesOf(policed())).toEqual(['azwi-proxy-init', 'azwi-proxy', 'mesh']);
    expect(unpoliced().denied).toMatch(/are not the first init containers/);
  });

  it('without the mutating policy every pod that asks is refused', async () => {
    const checked = createWorld(
      readPolicy(file, settings).filter(({ kind }) => !kind.startsWith('Mutating')),
    );
    const result = checked.add(toPod());
    await checked.run();
    expect(result().denied).toMatch(/not injected/);
  });
});
