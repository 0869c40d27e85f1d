/** What is AAD Pod Identity in another form, or lies beside it. */
import { describe, expect, it } from 'vitest';
import {
  binding,
  clientId,
  identity,
  mic,
  planOf,
  resourceId,
  runMigrateOn,
  toYaml,
  withoutIssuer,
  workload,
} from '../../support/migrate.ts';

const bound = [identity('reader'), binding('b', 'reader', 'web')];
const web = workload('web', 'web');

/** As `az aks pod-identity list` prints it: the whole cluster, of which this is a part. */
const aks = {
  id: '/subscriptions/s/resourcegroups/g/providers/Microsoft.ContainerService/managedClusters/c',
  identity: { principalId: clientId(70), tenantId: clientId(71), type: 'SystemAssigned' },
  name: 'cluster',
  oidcIssuerProfile: { enabled: true, issuerUrl: 'https://westeurope.oic.example/t/c/' },
  podIdentityProfile: {
    allowNetworkPluginKubenet: false,
    enabled: true,
    userAssignedIdentities: [
      {
        bindingSelector: 'web',
        identity: { clientId: clientId(1), objectId: clientId(2), resourceId: resourceId('one') },
        name: 'reader',
        namespace: 'shop',
        provisioningState: 'Assigned',
      },
      {
        identity: { clientId: clientId(3), objectId: clientId(4), resourceId: resourceId('two') },
        name: 'writer',
        namespace: 'shop',
      },
    ],
    userAssignedIdentityExceptions: [
      { name: 'none', namespace: 'shop', podLabels: { app: 'agent' } },
    ],
  },
};

describe("the description of AKS's add-on", () => {
  const forms: Readonly<Record<string, unknown>> = {
    'az aks pod-identity list': aks,
    'az aks list': [aks],
    'az rest': { id: aks.id, name: aks.name, properties: aks },
  };

  it.each([
    ['its profile', aks.podIdentityProfile],
    ['its identities', aks.podIdentityProfile.userAssignedIdentities],
  ])('%s alone says that namespaces are forced too', async (_, form) => {
    const files = { 'a/aks.json': JSON.stringify(form), 'a/shop.yaml': toYaml(web) };
    const plan = await planOf(files);
    expect(plan.workload.identities).toMatchObject([{ name: 'reader' }]);
    expect(plan.summary.scope).toBe('namespace');
  });

  it.each([
    ['identities', 'userAssignedIdentities', { identity: { clientId: clientId(1) } }],
    ['exceptions', 'userAssignedIdentityExceptions', { podLabels: { app: 'x' } }],
  ])('%s with a name that Kubernetes refuses are errors', async (_, key, fields) => {
    const wrong = { name: 'Not_A_Name', namespace: 'shop', ...fields };
    const profile = { ...aks.podIdentityProfile, [key]: [wrong] };
    const plan = await planOf(JSON.stringify({ podIdentityProfile: profile }));
    expect(plan.findings.filter(({ level }) => level === 'error')).toMatchObject([
      { code: 'invalid-object', file: 'stdin', line: 1 },
    ]);
  });

  it('that contradicts an AzureIdentity of the dump is an error', async () => {
    const spec = { clientID: clientId(9), resourceID: resourceId('one') };
    const files = {
      'a/aks.json': JSON.stringify(aks),
      'a/dump.yaml': toYaml(identity('reader', { spec })),
    };
    const plan = await planOf(files);
    expect(plan.findings.filter(({ level }) => level === 'error')).toMatchObject([
      { code: 'duplicate-object', file: 'a/aks.json', line: 1 },
    ]);
  });

  it.each(Object.entries(forms))(
    '%s gives identities, selectors and exceptions',
    async (_, form) => {
      const files = {
        'a/aks.json': JSON.stringify(form, undefined, 2),
        'a/shop.yaml': toYaml(web, workload('api', 'writer'), workload('agent', 'web')),
      };
      const plan = await planOf(files, withoutIssuer);
      expect(plan.workloads.map((one) => [one.name, one.status, one.identities[0]?.name])).toEqual([
        ['agent', 'exempt', undefined],
        ['api', 'ready', 'writer'],
        ['web', 'ready', 'reader'],
      ]);
      expect(plan.summary.scope).toBe('namespace');
      expect(plan.federatedCredentials.map((one) => one.issuer)).toEqual([
        'https://westeurope.oic.example/t/c/',
        'https://westeurope.oic.example/t/c/',
      ]);
      const map = JSON.parse(plan.workloads[2]?.identityMap ?? '');
      expect(map).toEqual([
        { clientId: clientId(1), objectId: clientId(2), resourceId: resourceId('one') },
      ]);
    },
  );

  it('beside the objects that the add-on made of it gives nothing twice', async () => {
    const spec = { clientID: clientId(1), resourceID: resourceId('one') };
    const files = {
      'a/aks.json': JSON.stringify(aks),
      'a/dump.yaml': toYaml(
        identity('reader', { spec }),
        binding('reader-binding', 'reader', 'web'),
        web,
      ),
    };
    const plan = await planOf(files);
    expect(plan.identities.map(({ name }) => name)).toEqual(['reader', 'writer']);
    expect(plan.workload.identityMap).toContain(clientId(2));
    expect(plan.findings.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('without pod identity is understood, and gives the issuer', async () => {
    const { podIdentityProfile: _, ...plain } = aks;
    const files = { 'a/aks.json': JSON.stringify(plain), 'a/shop.yaml': toYaml(...bound, web) };
    const plan = await planOf(files, withoutIssuer);
    expect(plan.summary.scope).toBe('unknown');
    expect(plan.federatedCredentials).toMatchObject([{ issuer: aks.oidcIssuerProfile.issuerUrl }]);
  });
});

describe('MIC and NMI', () => {
  it('are listed for removal, and not as workloads', async () => {
    const exception = {
      apiVersion: 'aadpodidentity.k8s.io/v1',
      kind: 'AzurePodIdentityException',
      metadata: { name: 'mic', namespace: 'kube-system' },
      spec: { podLabels: { 'app.kubernetes.io/component': 'mic' } },
    };
    const plan = await planOf(toYaml(...bound, web, mic([]), exception));
    expect(plan.workloads.map(({ name }) => name)).toEqual(['web']);
    expect(plan.components).toMatchObject([
      { kind: 'Deployment', name: 'aad-pod-identity-mic', component: 'mic', isAddOn: false },
    ]);
    expect(plan.leftovers).toEqual([
      { kind: 'AzureIdentityBinding', namespace: 'shop', name: 'b' },
      { kind: 'AzureIdentity', namespace: 'shop', name: 'reader' },
      { kind: 'AzurePodIdentityException', namespace: 'kube-system', name: 'mic' },
    ]);
  });

  it('are found by the image of a mirror and their flags, not by the name alone', async () => {
    const container = (image: string, args: readonly string[]): object => ({
      spec: { containers: [{ name: 'x', image, args }] },
    });
    const plan = await planOf(
      toYaml(
        workload('a', undefined, container('mirror.example/nmi:v1.8', ['--node=$(NODE_NAME)'])),
        workload('b', undefined, container('mirror.example/nmi:v1.8', ['--serve'])),
        workload('c', undefined, container('mirror.example/dynamic:1', ['--cloudconfig=x'])),
      ),
    );
    expect(plan.components.map(({ name }) => name)).toEqual(['a']);
  });
});

describe('exceptions', () => {
  const exception = (podLabels: object, namespace = 'shop'): object => ({
    apiVersion: 'aadpodidentity.k8s.io/v1',
    kind: 'AzurePodIdentityException',
    metadata: { name: 'none', namespace },
    spec: { podLabels },
  });

  it.each([
    ['one pair of several is enough', { tier: 'x', app: 'web' }, 'shop', true],
    ['values compare in any case', { app: 'WEB' }, 'shop', true],
    ['keys do not', { App: 'web' }, 'shop', false],
    ['they hold in their namespace only', { app: 'web' }, 'other', false],
    ['an empty one excepts nobody', {}, 'shop', false],
  ])('%s', async (_, podLabels, namespace, isExempt) => {
    const plan = await planOf(toYaml(...bound, web, exception(podLabels, namespace)));
    expect(plan.workload.status).toBe(isExempt ? 'exempt' : 'ready');
    expect(plan.workload.dependsOnPodIdentity).toBe(!isExempt);
    if (isExempt) {
      expect(plan.workload).toMatchObject({ identities: [], injection: { kind: 'none' } });
      expect(plan.federatedCredentials).toEqual([]);
    }
  });

  it('list excepted pods without the label too', async () => {
    const plan = await planOf(toYaml(workload('agent', undefined), exception({ app: 'agent' })));
    expect(plan.workload).toMatchObject({ name: 'agent', status: 'exempt', binding: null });
  });
});

describe("upstream's proxy", () => {
  const upstream = {
    name: 'azwi-proxy',
    image: 'mcr.microsoft.com/oss/azure/workload-identity/proxy:v1.3.0',
  };
  const app = { name: 'app', image: 'x' };

  it.each([
    ['inject-proxy-sidecar', { 'azure.workload.identity/inject-proxy-sidecar': 'true' }],
    ['proxy', { 'azure.workload.identity/proxy': 'true' }],
  ])('asked for with the annotation %s', async (_, annotations) => {
    const plan = await planOf(toYaml(workload('web', undefined, { annotations })));
    expect(plan.workload).toMatchObject({
      binding: null,
      status: 'ready',
      dependsOnPodIdentity: false,
      injection: { kind: 'containers' },
      serviceAccount: { action: 'none' },
    });
    expect(plan.workload.findings.map(({ code }) => code)).toEqual(['upstream-proxy']);
  });

  it('in its containers is replaced', async () => {
    const spec = { containers: [app, upstream] };
    const plan = await planOf(toYaml(workload('web', undefined, { spec })));
    expect(plan.workload.injection).toEqual({
      kind: 'containers',
      notes: [expect.stringMatching(/^replaced upstream's containers: azwi-proxy/)],
    });
  });

  it('with the label of AAD Pod Identity no longer depends on that', async () => {
    const spec = { containers: [app, upstream] };
    const { exitCode } = await runMigrateOn(['--check'], {
      stdin: toYaml(...bound, workload('web', 'web', { spec })),
    });
    expect(exitCode).toBe(0);
  });
});

describe('a SecretProviderClass with pod identity', () => {
  const secretProviderClass = {
    apiVersion: 'secrets-store.csi.x-k8s.io/v1',
    kind: 'SecretProviderClass',
    metadata: { name: 'vault', namespace: 'shop' },
    spec: { provider: 'azure', parameters: { usePodIdentity: 'true', keyvaultName: 'v' } },
  };
  const mounting = {
    spec: {
      volumes: [
        {
          name: 'secrets',
          csi: {
            driver: 'secrets-store.csi.k8s.io',
            volumeAttributes: { secretProviderClass: 'vault' },
          },
        },
      ],
    },
  };

  it('is attention for who mounts it, with the client ID to set', async () => {
    const plan = await planOf(
      toYaml(...bound, secretProviderClass, workload('web', 'web', mounting)),
    );
    const id = plan.workload.identities[0]?.clientId;
    expect(plan.workload.status).toBe('attention');
    expect(plan.secretProviderClasses).toMatchObject([
      { name: 'vault', usedBy: [{ kind: 'Deployment', namespace: 'shop', name: 'web' }] },
    ]);
    for (const { findings } of [plan.workload, ...plan.secretProviderClasses]) {
      const [finding] = findings.filter(({ code }) => code === 'secret-provider-class');
      expect(finding?.fix).toContain(`clientID: ${id}`);
    }
  });

  it('keeps --check at 1 even if its pods have the proxy', async () => {
    const { exitCode, stdout } = await runMigrateOn(['--check'], {
      stdin: toYaml(secretProviderClass),
    });
    expect(exitCode).toBe(1);
    expect(stdout).toBe(
      'stdin:2: SecretProviderClass shop/vault: usePodIdentity: "true"\n1 depends on AAD Pod Identity\n',
    );
  });
});
