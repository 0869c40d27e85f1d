/** What the chart makes of its values, with Helm 3 and 4. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { chartFolder, renderChart } from '../../../build/chart/render.ts';
import { reservedVariables, type ValueSchema, valuesSchema } from '../../../build/chart/values.ts';
import { renderPrometheusRule } from '../../../build/monitoring/rules.ts';
import { renderPodMonitor } from '../../../build/monitoring/scraping.ts';
import { injectSettings } from '../../../build/policies/settings.ts';
import { proxyPort } from '../../../src/shared/redirect-contract.ts';
import {
  apiVersions,
  type ChartObject,
  chart,
  runHelm,
  type TemplateOptions,
  templateChart,
} from '../../support/chart.ts';
import { findGoTool } from '../../support/go-tools.ts';
import { findTypeFaults } from '../../support/kubernetes-types.ts';
import { describeUnless } from '../../support/skip.ts';

const root = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const images = { registry: 'registry.example/imds-proxy' };
const digest = `sha256:${'a'.repeat(64)}`;
const tenantId = '22222222-2222-4222-8222-222222222222';
const access = {
  clientId: 'aaaaaaaa-0000-4000-8000-00000000000a',
  serviceAccounts: [{ namespace: 'shop', name: 'a' }],
};
const accessAgain = { ...access, clientId: access.clientId.toUpperCase() };

describe('the files of the chart', () => {
  it.each([...renderChart()])('%s is what npm run docs writes', (path, text) => {
    expect(read(path)).toBe(text);
  });

  it('have the version of the project', () => {
    const { version } = JSON.parse(read('package.json'));
    expect(parse(read(`${chartFolder}/Chart.yaml`))).toMatchObject({
      version,
      appVersion: version,
    });
  });

  it('refuse unknown values in every group', () => {
    const open: string[] = [];
    const visit = (schema: Readonly<Record<string, unknown>>, path: string): void => {
      const hasNames = schema['properties'] ?? schema['patternProperties'];
      if (hasNames !== undefined && schema['additionalProperties'] !== false) {
        open.push(path);
      }
      for (const [name, part] of Object.entries(Object(schema['properties']))) {
        visit(part as Readonly<Record<string, unknown>>, `${path}.${name}`);
      }
      if (schema['items'] !== undefined) visit(Object(schema['items']), `${path}[]`);
    };
    visit(valuesSchema, '');
    expect(open).toEqual([]);
  });

  it('require each value with a default, which null would remove', () => {
    const visit = ({ default: value, properties = {}, required }: ValueSchema): void => {
      if (value !== undefined) return;
      expect(required).toEqual(Object.keys(properties));
      for (const part of Object.values(properties)) visit(part);
    };
    visit(valuesSchema);
  });
});

/** Values that belong together, and everything that they turn on. */
const matrix: Readonly<Record<string, { values: object; kinds?: readonly string[] }>> = {
  'inject, nothing else set': { values: { images } },
  'inject on Kubernetes 1.34': { values: { images }, kinds: [apiVersions.v1beta1] },
  'inject with everything': {
    kinds: [apiVersions.v1, apiVersions.podMonitor, apiVersions.rule],
    values: {
      images: {
        ...images,
        pullPolicy: 'Always',
        pullSecrets: ['registry', 'mirror.example'],
        proxy: { name: 'a/b', digest },
        init: { tag: '1.2.3-rc.1' },
      },
      resources: { requests: { cpu: 0.5, memory: '64Mi' }, limits: { cpu: 1, memory: '1G' } },
      identity: {
        clientId: tenantId,
        tenantId: 'contoso.onmicrosoft.com',
        authorityHost: 'https://login.microsoftonline.us/',
      },
      proxy: {
        logLevel: '',
        passthrough: 'off',
        adminPort: 9000,
        env: { HTTPS_PROXY: 'http://proxy.example:3128', NO_PROXY: `"'\\ <>&{{ .Values }}` },
        caConfigMap: 'corporate-ca',
        seccompProfile: 'operator/imds-proxy.json',
      },
      identityBinding: {
        tokenProxy: 'https://kubernetes.default.svc',
        serverName: 'a.ests.aks',
        caConfigMap: 'ca',
        access: [
          {
            clientId: tenantId.toUpperCase(),
            serviceAccounts: [
              { namespace: 'shop', name: 'a' },
              { namespace: 'b', name: 'b' },
            ],
          },
          {
            clientId: '11111111-1111-4111-8111-111111111111',
            serviceAccounts: [{ namespace: 'shop', name: 'a' }],
          },
        ],
      },
      namespaces: {
        include: ['imds-proxy', 'shop'],
        exclude: [],
        selector: {
          matchLabels: { team: 'a' },
          matchExpressions: [{ key: 'x', operator: 'Exists' }],
        },
      },
      serviceAccounts: { selector: { matchLabels: { 'azure.workload.identity/use': 'true' } } },
      podMonitor: { enabled: true, labels: { release: 'prometheus' } },
      prometheusRule: { enabled: true, labels: { release: 'prometheus' } },
      dashboard: { enabled: true, labels: { grafana: 'yes' }, annotations: { folder: 'Azure' } },
      networkPolicy: { enabled: true, namespaces: ['shop', 'store'] },
      test: {
        serviceAccountName: 'legacy-app',
        resource: 'https://vault.azure.net',
        clientId: tenantId,
      },
      nameOverride: 'wi',
      global: { anything: true },
    },
  },
  'inject without limits and without a test': {
    values: { images, resources: { limits: null, requests: null }, test: { enabled: false } },
  },
  swap: { values: { mode: 'swap', images } },
  'swap with everything': {
    values: {
      mode: 'swap',
      proxy: { seccompProfile: 'imds-proxy.json' },
      images: { ...images, pullPolicy: 'Never', pullSecrets: ['mirror'], proxy: { digest } },
      resources: { requests: { cpu: '20m' } },
    },
  },
  'swap on Kubernetes 1.34': { values: { mode: 'swap', images }, kinds: [apiVersions.v1beta1] },
  none: { values: { mode: 'none' }, kinds: [] },
  'none, with images and identity bindings': {
    values: { mode: 'none', images, identityBinding: { access: [access] } },
    kinds: [],
  },
  'none with monitoring by Azure': {
    values: {
      mode: 'none',
      podMonitor: { enabled: true, apiVersion: 'azmonitoring.coreos.com/v1' },
    },
    kinds: [apiVersions.azurePodMonitor],
  },
};

const isOfTheApi = ({ apiVersion }: ChartObject): boolean => !apiVersion.includes('coreos.com');

describe.each(['helm3', 'helm4'] as const)('%s', (tool) => {
  const path = findGoTool(tool) ?? '';
  const obstacle = path === '' ? `${tool} is missing; run .ci/go-tools` : undefined;
  const template = (values: object, options?: TemplateOptions) =>
    templateChart(path, values, options);

  describeUnless(obstacle, 'template', () => {
    it('lint finds nothing, warnings included', async () => {
      const output = await runHelm(path, ['lint', '--strict', chart], { values: { images } });
      expect(output).toContain('0 chart(s) failed');
    });

    it.each(Object.entries(matrix))(
      '%s: has only fields that the API knows',
      async (_, { values, kinds }) => {
        const objects = await template(values, kinds === undefined ? {} : { apiVersions: kinds });
        expect(objects.filter(isOfTheApi).flatMap(findTypeFaults)).toEqual([]);
        const names = objects.map(({ kind, metadata: { name, namespace } }) =>
          [kind, namespace, name].join('/'),
        );
        expect(new Set(names).size).toBe(names.length);
        for (const { metadata } of objects) {
          expect(metadata.labels).toMatchObject({
            'app.kubernetes.io/name': 'workload-identity-imds-proxy',
            'app.kubernetes.io/instance': 'imds-proxy',
          });
          expect(metadata.name).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
        }
      },
    );

    it.each<[unknown, unknown, string]>([
      [1, '64Mi', '1'],
      [0.1, '64Mi', '0.1'],
      ['500m', 100_000_000, '500m'],
    ])(
      'writes a CPU limit of %j and a memory limit of %j as the API does',
      async (cpu, memory, text) => {
        const objects = await template({ images, resources: { limits: { cpu, memory } } });
        const found = objects
          .flatMap(({ spec }) => Object(spec).variables ?? [])
          .find(({ name }) => name === 'resources');
        expect(JSON.parse(found.expression).limits).toEqual({ cpu: text, memory: `${memory}` });
      },
    );

    it('takes labels that it sets itself from the values', async () => {
      const label = 'app.kubernetes.io/instance';
      const [monitor] = await template(
        { mode: 'none', podMonitor: { enabled: true, labels: { [label]: 'prometheus' } } },
        { apiVersions: [apiVersions.podMonitor] },
      );
      expect(monitor?.metadata.labels).toMatchObject({
        [label]: 'prometheus',
        'app.kubernetes.io/name': 'workload-identity-imds-proxy',
      });
    });

    it('makes nothing with mode none', async () => {
      expect(await template({ mode: 'none' }, { apiVersions: [] })).toEqual([]);
    });

    it.each([
      ['inject', apiVersions.v1, 'deploy/policies/inject.yaml'],
      ['inject', apiVersions.v1beta1, 'deploy/policies/inject-v1beta1.yaml'],
      ['swap', apiVersions.v1, 'deploy/policies/mutating-admission-policy.yaml'],
      ['swap', apiVersions.v1beta1, 'deploy/policies/mutating-admission-policy-v1beta1.yaml'],
    ])('mode %s with %s has the policies of %s', async (mode, kind, file) => {
      // The file of mode swap names its only policy otherwise, and leaves out no namespace.
      const isSwap = mode === 'swap';
      const text = isSwap
        ? read(file).replaceAll(/: imds-proxy$/gm, ': imds-proxy-swap')
        : read(file);
      const wanted = parseAllDocuments(text).map((document) => document.toJS());
      const namespaces = isSwap ? { exclude: [] } : {};
      const objects = await template(
        { mode, images, namespaces, test: { enabled: false } },
        { apiVersions: [kind] },
      );
      const strip = ({ apiVersion, kind, metadata: { name }, spec }: ChartObject) => ({
        apiVersion,
        kind,
        name,
        spec: sortVariables(spec),
      });
      // Helm sorts them by kind.
      const key = ({ kind, name }: { kind: string; name: string }): string => `${kind}/${name}`;
      const sort = (list: readonly ChartObject[]) =>
        list.map(strip).toSorted((a, b) => key(a).localeCompare(key(b)));
      expect(sort(objects)).toEqual(sort(wanted));
    });

    it('puts every setting of the policies into all of them', async () => {
      const objects = await template(matrix['inject with everything']?.values ?? {}, {
        apiVersions: matrix['inject with everything']?.kinds ?? [],
      });
      const variables = objects.flatMap(({ spec }) => Object(spec).variables ?? []);
      const of = (name: string) =>
        variables.filter((variable) => variable.name === name).map(({ expression }) => expression);
      for (const { name, expression } of injectSettings) {
        expect(of(name), name).not.toEqual([]);
        for (const found of of(name)) expect(found, name).not.toBe(expression);
      }
      expect(of('proxyImage')).toEqual([`"registry.example/imds-proxy/a/b@${digest}"`]);
      expect(of('initImage')).toEqual(['"registry.example/imds-proxy/proxy-init:1.2.3-rc.1"']);
      expect(JSON.parse(of('resources')[0])).toEqual({
        requests: { cpu: '0.5', memory: '64Mi' },
        limits: { cpu: '1', memory: '1G' },
      });
      expect(JSON.parse(of('proxyEnv')[0])).toEqual([
        { name: 'HTTPS_PROXY', value: 'http://proxy.example:3128' },
        { name: 'NO_PROXY', value: `"'\\ <>&{{ .Values }}` },
      ]);
      expect(of('adminPort')).toEqual(['9000']);
    });

    it('selects namespaces and ServiceAccounts as the values say', async () => {
      const { values = {}, kinds = [] } = matrix['inject with everything'] ?? {};
      const bindings = (await template(values, { apiVersions: kinds })).filter(
        ({ kind }) => kind.endsWith('Binding') && kind !== 'ClusterRoleBinding',
      );
      expect(bindings).toHaveLength(3);
      for (const { spec } of bindings) {
        expect(Object(spec).matchResources).toEqual({
          namespaceSelector: {
            matchLabels: { team: 'a' },
            matchExpressions: [
              { key: 'x', operator: 'Exists' },
              {
                key: 'kubernetes.io/metadata.name',
                operator: 'In',
                values: ['imds-proxy', 'shop'],
              },
            ],
          },
        });
      }
      expect(bindings.map(({ spec }) => Object(spec).paramRef?.selector)).toEqual([
        { matchLabels: { 'azure.workload.identity/use': 'true' } },
        undefined,
        undefined,
      ]);
    });

    it('leaves out the selector of namespaces where all are meant', async () => {
      const objects = await template({ images, namespaces: { exclude: [] } });
      for (const { spec } of objects.filter(({ kind }) => kind.endsWith('Binding'))) {
        expect(spec).not.toHaveProperty('matchResources');
      }
    });

    it('grants identities as deploy/identity-binding does', async () => {
      const clientId = '11111111-1111-4111-8111-111111111111';
      const [role, binding] = await template(
        {
          mode: 'none',
          identityBinding: {
            access: [{ clientId, serviceAccounts: [{ namespace: 'shop', name: 'tenant-portal' }] }],
          },
        },
        { apiVersions: [] },
      );
      const [wantedRole, wantedBinding] = parseAllDocuments(
        read('deploy/identity-binding/rbac.yaml'),
      ).map((document) => document.toJS());
      expect(role?.['rules']).toEqual(wantedRole.rules);
      expect(binding?.['subjects']).toEqual(wantedBinding.subjects);
      expect(binding?.['roleRef']).toEqual({ ...wantedBinding.roleRef, name: role?.metadata.name });
    });

    it('has the network policy, the PodMonitor and the rules of deploy', async () => {
      const objects = await template(
        {
          mode: 'none',
          networkPolicy: { enabled: true, namespaces: ['shop'] },
          podMonitor: { enabled: true },
          prometheusRule: { enabled: true },
        },
        { apiVersions: [apiVersions.podMonitor, apiVersions.rule] },
      );
      const specOf = (wanted: string) => objects.find(({ kind }) => kind === wanted)?.spec;
      expect(specOf('NetworkPolicy')).toEqual(parse(read('deploy/network-policy.yaml')).spec);
      expect(specOf('PodMonitor')).toEqual(parse(renderPodMonitor()).spec);
      expect(specOf('PrometheusRule')).toEqual(parse(renderPrometheusRule()).spec);
    });

    it.each<[object, RegExp | string, TemplateOptions?]>([
      [{}, /images\.registry: not set; set it to the registry/],
      [
        { mode: 'inject', images },
        /no MutatingAdmissionPolicy; use Kubernetes 1\.36/,
        { apiVersions: [] },
      ],
      [
        { images: { ...images, proxy: { tag: '1', digest } } },
        /images\.proxy: tag "1" and digest are both set; remove one/,
      ],
      [
        { images, namespaces: { include: ['a', 'kube-system'] } },
        /kube-system is in include and in exclude/,
      ],
      [
        { images, identityBinding: { serverName: 'a.b' } },
        /identityBinding: serverName or caConfigMap is set without tokenProxy/,
      ],
      [
        { mode: 'none', networkPolicy: { enabled: true } },
        /networkPolicy\.namespaces: empty; list/,
      ],
      [
        { mode: 'none', podMonitor: { enabled: true } },
        /podMonitor\.enabled: this API server does not have monitoring\.coreos\.com\/v1\/PodMonitor; install/,
      ],
      [
        { mode: 'none', prometheusRule: { enabled: true } },
        /prometheusRule\.enabled: this API server does not have/,
      ],
      [
        { images },
        /helm test runs in namespace kube-system, which namespaces leaves out/,
        { namespace: 'kube-system' },
      ],
      [
        { images, namespaces: { include: ['shop'] } },
        /helm test runs in namespace imds-proxy, which namespaces leaves out/,
      ],
      [
        { mode: 'swap', images, identity: { tenantId } },
        /identity\.tenantId: has no effect with mode: swap, where the webhook sets it; remove it/,
      ],
      [
        { mode: 'swap', images, proxy: { env: { HTTPS_PROXY: 'http://a' } } },
        /proxy\.env: has no effect with mode: swap/,
      ],
      [
        { mode: 'swap', images, proxy: { adminPort: 9000 } },
        /proxy\.adminPort: has no effect with mode: swap/,
      ],
      [
        { mode: 'none', proxy: { seccompProfile: 'imds-proxy.json' } },
        /proxy\.seccompProfile: has no effect with mode: none, which installs no policies; remove it, or set mode: inject or swap/,
      ],
      [
        { mode: 'none', identity: { tenantId } },
        /identity\.tenantId: has no effect with mode: none, which .*; remove it, or set mode: inject/,
      ],
      [
        { mode: 'none', resources: { limits: { cpu: 1 } } },
        /resources: has no effect with mode: none/,
      ],
      [{ mode: 'none', namespaces: { include: ['a'] } }, /namespaces\.include: has no effect/],
      [{ images, proxy: { seccompProfile: '/etc/x.json' } }, /seccompProfile/],
      [{ images, proxy: { seccompProfile: 'a/../../x.json' } }, /seccompProfile/],
      [
        { images, proxy: { adminPort: proxyPort } },
        /proxy\.adminPort: 8000 is the port at which the proxy answers applications; set another/,
      ],
      [
        { images, resources: { limits: { cpu: '5m' } } },
        /resources\.requests\.cpu: 10m is above the limit of 5m, which Kubernetes refuses in each pod; raise/,
      ],
      [
        { images, resources: { requests: { memory: 100_000_001 }, limits: { memory: '100M' } } },
        /resources\.requests\.memory: 100000001 is above the limit of 100M/,
      ],
      [
        { mode: 'none', identityBinding: { access: [access, accessAgain] } },
        /identityBinding\.access: client ID [0-9A-F-]+ is there twice; put its ServiceAccounts into one/,
      ],
      ...[reservedVariables[0], reservedVariables.at(-1)].map((name = ''): [object, string] => [
        { images, proxy: { env: { [name]: 'x' } } },
        `proxy.env: ${name} is set by the policies; remove it`,
      ]),
      // Refused by the schema, in Helm's words.
      [{ images, mod: 'inject' }, /mod/],
      [{ images, mode: 'injected' }, /mode/],
      [{ images: { registry: 'https://registry.example' } }, /registry/],
      [{ images: { ...images, proxy: { digest: 'sha256:abc' } } }, /digest/],
      [{ images: { ...images, pullSecrets: ['a', 'a'] } }, /pullSecrets/],
      [{ images, identity: { clientId: 'my-identity' } }, /clientId/],
      [{ images, identity: { tenantId: 'contoso' } }, /tenantId/],
      [{ images, identity: { authorityHost: 'http://login.example' } }, /authorityHost/],
      [{ images, proxy: { adminPort: '9808' } }, /adminPort/],
      [{ images, proxy: { adminPort: 0 } }, /adminPort/],
      [
        { images, proxy: { env: { 'a-b': 'x' } } },
        /at '\/proxy\/env': additional properties 'a-b'/,
      ],
      [{ images, proxy: { env: { HTTPS_PROXY: 1 } } }, /HTTPS_PROXY|env/],
      [{ images, resources: { limits: { memory: '96 MB' } } }, /memory/],
      [{ images, resources: { limits: { memory: -1 } } }, /memory/],
      [{ images, namespaces: { selector: { team: 'a' } } }, /selector|team/],
      [{ images, namespaces: { include: 'shop' } }, /include/],
      [{ images, namespaces: { include: ['shop.example'] } }, /include/],
      [
        { images, namespaces: { selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } } },
        /missing property 'values'|values/,
      ],
      // A default that null takes away leaves the templates without a value.
      [{ images, identity: null }, /identity/],
      [{ images, identity: { tenantId: null } }, /tenantId/],
    ])('refuses %j', async (values, message, options = {}) => {
      await expect(template(values, options)).rejects.toThrow(message);
    });
  });
});

/** As Helm writes them: it sorts the fields of an object. */
function sortVariables(spec: unknown): unknown {
  return JSON.parse(JSON.stringify(spec), (key, value) =>
    key === 'expression' && value.startsWith('{"requests"')
      ? JSON.stringify(sortKeys(JSON.parse(value)))
      : value,
  );
}

function sortKeys(value: unknown): unknown {
  return typeof value === 'object' && value !== null
    ? Object.fromEntries(
        Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([k, v]) => [k, sortKeys(v)]),
      )
    : value;
}
