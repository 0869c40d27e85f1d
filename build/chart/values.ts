/**
 * The values of the chart, described once: values.yaml, values.schema.json and the table of the README follow from
 * this. Those that are settings of the policies take description and default from there.
 */
import { appService } from '../../src/inject/contract.ts';
import { profilePattern } from '../../src/inject/option-types.ts';
import { proxyVariables } from '../policies/containers.ts';
import { injectSettings } from '../policies/settings.ts';

/** A JSON schema (draft 7) with what its readers need to know. */
export interface ValueSchema {
  /** Sentences for the README and values.yaml. */
  readonly description: string;
  readonly type?: string | readonly string[];
  /** Missing in groups, whose defaults are those of their properties. */
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, ValueSchema>>;
  readonly [keyword: string]: unknown;
}

const name = '[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?';
/** Of a namespace. */
const shortName = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
const guid = '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}';
const domain = '[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?([.][0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?)+';
const httpsUrl = 'https://[^\\s/?#@\\\\]+(/[^\\s?#\\\\]*)?';

/** A text that is empty unless it is set. */
function text(description: string, pattern: string): ValueSchema {
  return { description, ...optional(pattern), default: '' };
}

/** @param name of the policies' setting that the value is. */
function setting(name: string, schema: Omit<ValueSchema, 'description' | 'default'>): ValueSchema {
  const found = injectSettings.find((one) => one.name === name);
  if (found === undefined) throw new Error(`the policies have no setting ${name}`);
  return { description: found.about, ...schema, default: JSON.parse(found.expression) };
}

/** A text that may be empty. */
function optional(pattern: string): Omit<ValueSchema, 'description' | 'default'> {
  return { type: 'string', pattern: `^$|^${pattern}$` };
}

function flag(description: string, value: boolean): ValueSchema {
  return { description, type: 'boolean', default: value };
}

function choice(description: string, values: readonly string[], value: string): ValueSchema {
  return { description, type: 'string', enum: values, default: value };
}

function listOf(pattern: string): Omit<ValueSchema, 'description' | 'default'> {
  return {
    type: 'array',
    items: { type: 'string', pattern: `^${pattern}$` },
    uniqueItems: true,
  };
}

function namespaces(description: string, value: readonly string[] = []): ValueSchema {
  return { description, ...listOf(shortName), default: value };
}

function group(
  description: string,
  properties: Readonly<Record<string, ValueSchema>>,
): ValueSchema {
  // All of them have a default: one is missing only if somebody has set null, which leaves the templates without a value.
  const required = Object.keys(properties);
  return { description, type: 'object', additionalProperties: false, required, properties };
}

const texts = { type: 'object', additionalProperties: { type: 'string' } };

function labels(description: string, value: Readonly<Record<string, string>> = {}): ValueSchema {
  return { description, ...texts, default: value };
}

function labelSelector(description: string): ValueSchema {
  const expression = {
    type: 'object',
    additionalProperties: false,
    required: ['key', 'operator'],
    properties: {
      key: { type: 'string', minLength: 1 },
      operator: { enum: ['In', 'NotIn', 'Exists', 'DoesNotExist'] },
      values: { type: 'array', items: { type: 'string' } },
    },
    if: { properties: { operator: { enum: ['In', 'NotIn'] } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON schema
    then: { required: ['values'], properties: { values: { minItems: 1 } } },
    else: { properties: { values: { maxItems: 0 } } },
  };
  return {
    description,
    type: 'object',
    additionalProperties: false,
    properties: {
      matchLabels: { description: 'Labels and their values.', ...texts },
      matchExpressions: { description: 'Expressions.', type: 'array', items: expression },
    },
    default: {},
  };
}

function image(about: string, repository: string): ValueSchema {
  return group(about, {
    name: {
      description: 'Its name below `images.registry`.',
      type: 'string',
      pattern: '^[a-z0-9][a-z0-9._/-]*$',
      default: repository,
    },
    tag: text(
      'Its tag. Empty: the digest; without a digest, the version of the chart.',
      '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}',
    ),
    digest: text('Its digest, `sha256:…`, in the place of a tag.', 'sha256:[0-9a-f]{64}'),
  });
}

/** A quantity of Kubernetes. YAML reads `1` as a number. */
const quantity = {
  type: ['string', 'integer', 'number'],
  pattern: '^[0-9]+([.][0-9]+)?(m|k|[MGTPE]|[KMGTPE]i)?$',
  exclusiveMinimum: 0,
};
const quantities = {
  type: 'object',
  additionalProperties: false,
  properties: {
    cpu: { description: 'CPU.', ...quantity },
    memory: { description: 'Memory.', ...quantity },
  },
};

const modes = ['inject', 'swap', 'none'] as const;
export type Mode = (typeof modes)[number];

/** Variables that the policy sets itself, or flags override. A second value would win or lose silently. */
export const reservedVariables: readonly string[] = [
  ...proxyVariables,
  appService.proxyVariable,
  'AZURE_KUBERNETES_CA_DATA',
  'IMDS_PROXY_LOG_LEVEL',
  'IMDS_PROXY_PROXY_PORT',
];

/**
 * Values that have no effect with some modes: with `swap` the webhook decides, and `none` has no policies. Not the names
 * of the images and the test: they are often the same in all clusters, and mean no more than they say.
 */
export const limitedValues: Readonly<Record<string, readonly Mode[]>> = {
  'images.pullPolicy': ['inject', 'swap'],
  'images.pullSecrets': ['inject', 'swap'],
  resources: ['inject', 'swap'],
  'identity.clientId': ['inject'],
  'identity.tenantId': ['inject'],
  'identity.authorityHost': ['inject'],
  'proxy.logLevel': ['inject'],
  'proxy.passthrough': ['inject'],
  'proxy.adminPort': ['inject'],
  'proxy.env': ['inject'],
  'proxy.caConfigMap': ['inject'],
  'proxy.seccompProfile': ['inject', 'swap'],
  'identityBinding.tokenProxy': ['inject'],
  'namespaces.include': ['inject', 'swap'],
  'namespaces.exclude': ['inject', 'swap'],
  'namespaces.selector': ['inject', 'swap'],
  'serviceAccounts.selector': ['inject'],
};

export const valuesSchema = group('Values of the chart.', {
  mode: choice(
    '`inject`: policies give the proxy to pods that ask for it, without a webhook. `swap`: policies replace the images in pods that the azure-workload-identity webhook has injected, such as the managed one of AKS. `none`: neither; only what else is turned on below.',
    modes,
    'inject',
  ),
  images: group('The two images.', {
    registry: text(
      'Registry and path of both images. A released chart names its own.',
      '[a-z0-9][a-z0-9.-]*(:[0-9]+)?(/[a-z0-9][a-z0-9._-]*)*',
    ),
    pullPolicy: setting('pullPolicy', {
      type: 'string',
      enum: ['IfNotPresent', 'Always', 'Never'],
    }),
    pullSecrets: setting('pullSecrets', listOf(name)),
    proxy: image('The proxy.', 'proxy'),
    init: image('The redirect.', 'proxy-init'),
  }),
  resources: setting('resources', {
    type: 'object',
    additionalProperties: false,
    properties: {
      requests: { description: 'Requests.', ...quantities },
      limits: { description: 'Limits.', ...quantities },
    },
  }),
  identity: group('Identities of the injected pods.', {
    clientId: setting('clientId', optional(guid)),
    tenantId: setting('tenantId', optional(`(${guid}|${domain})`)),
    authorityHost: setting('authorityHost', optional(httpsUrl)),
  }),
  proxy: group('Settings of the injected proxies.', {
    logLevel: setting('logLevel', { enum: ['', 'warning', 'info', 'debug', 'trace', 'all'] }),
    passthrough: setting('passthrough', { enum: ['off', 'instance', 'all'] }),
    adminPort: setting('adminPort', { type: 'integer', minimum: 1, maximum: 65_535 }),
    env: {
      description: 'More variables, such as `HTTPS_PROXY`, by their names.',
      type: 'object',
      patternProperties: { '^[A-Za-z_][A-Za-z0-9_]*$': { type: 'string' } },
      additionalProperties: false,
      default: {},
    },
    caConfigMap: setting('caConfigMap', optional(name)),
    seccompProfile: setting('seccompProfile', optional(profilePattern)),
  }),
  identityBinding: group('[Identity bindings](../../docs/identity-binding.md) of AKS.', {
    tokenProxy: setting('tokenProxy', optional(httpsUrl)),
    serverName: setting('tokenProxyServerName', optional(name)),
    caConfigMap: setting('tokenProxyCa', { type: 'string', pattern: `^${name}$` }),
    access: {
      description:
        'Which ServiceAccounts may use which client ID: a list of `clientId` and `serviceAccounts`, each with `namespace` and `name`.',
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['clientId', 'serviceAccounts'],
        properties: {
          clientId: { type: 'string', pattern: `^${guid}$` },
          serviceAccounts: {
            type: 'array',
            minItems: 1,
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['namespace', 'name'],
              properties: {
                namespace: { type: 'string', pattern: `^${shortName}$` },
                name: { type: 'string', pattern: `^${name}$` },
              },
            },
          },
        },
      },
      default: [],
    },
  }),
  namespaces: group('Namespaces that the policies apply to. All conditions must hold.', {
    include: namespaces('Only these. Empty: all.'),
    exclude: namespaces('Not these.', ['kube-system', 'kube-node-lease']),
    selector: labelSelector('Only those whose labels match.'),
  }),
  serviceAccounts: group('ServiceAccounts that `mode: inject` looks at.', {
    selector: labelSelector(
      'Only those whose labels match. Set it for namespaces with hundreds of ServiceAccounts: [each adds 0.1 to 0.5 ms](../../docs/injection-policy.md#cost) to the creation of a pod. Pods of other ServiceAccounts are refused if they ask for the proxy.',
    ),
  }),
  podMonitor: group('Scraping by the Prometheus Operator.', {
    enabled: flag('Create a PodMonitor for all proxies of the cluster.', false),
    apiVersion: choice(
      '`azmonitoring.coreos.com/v1` for Azure Managed Prometheus.',
      ['monitoring.coreos.com/v1', 'azmonitoring.coreos.com/v1'],
      'monitoring.coreos.com/v1',
    ),
    labels: labels('Labels that your Prometheus selects PodMonitors by.'),
  }),
  prometheusRule: group('Alerts and recording rules for the Prometheus Operator.', {
    enabled: flag('Create a PrometheusRule.', false),
    labels: labels('Labels that your Prometheus selects rules by.'),
  }),
  dashboard: group('Dashboard for Grafana.', {
    enabled: flag('Create a ConfigMap with the dashboard.', false),
    labels: labels('Labels by which the sidecar of Grafana finds dashboards.', {
      grafana_dashboard: '1',
    }),
    annotations: labels('Annotations, such as the folder in Grafana.'),
  }),
  networkPolicy: group('Network access that the proxies need.', {
    enabled: flag(
      'Create a NetworkPolicy in each of `namespaces`. It applies to whole pods: add policies for the needs of the applications.',
      false,
    ),
    namespaces: namespaces('The namespaces.'),
  }),
  test: group('What `helm test` does: a pod in the namespace of the release asks for a token.', {
    enabled: flag('Whether there is a test. `mode: none` has none.', true),
    serviceAccountName: {
      description: 'ServiceAccount of the pod. It needs a client ID and a federated credential.',
      type: 'string',
      pattern: `^${name}$`,
      default: 'default',
    },
    resource: {
      description: 'Resource to ask a token for.',
      type: 'string',
      minLength: 1,
      default: 'https://management.azure.com/',
    },
    clientId: text('Client ID to ask for. Empty: the default of the ServiceAccount.', guid),
  }),
  nameOverride: text(
    'Name of the objects, in the place of `imds-proxy`.',
    '[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?',
  ),
});
