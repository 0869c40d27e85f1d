import { guidValue, tenantValue } from '../shared/entra-values.ts';
import { logLevelValue } from '../shared/log-level.ts';
import type { OptionTable, ValueType } from '../shared/option-table.ts';
import {
  booleanValue,
  choiceValue,
  listValue,
  portValue,
  textValue,
} from '../shared/option-values.ts';
import { proxyPort } from '../shared/redirect-contract.ts';
import { defaultAdminPort } from './contract.ts';
import {
  containersValue,
  httpsUrlValue,
  imageValue,
  nameValue,
  quantityValue,
  variableValue,
} from './option-types.ts';
import { selectorValue } from './select.ts';

/** Flags of `inject` and `uninject`. */
export const commonOptions = {
  file: {
    flag: 'f',
    type: { ...textValue, label: 'file' },
    group: 'Input and output',
    help: 'A file, a folder with all below it, or - for standard input, which is the default. May be repeated; arguments without a flag mean the same.',
  },
  inPlace: {
    flag: 'in-place',
    type: booleanValue,
    default: 'false',
    group: 'Input and output',
    help: 'Writes the files that change instead of printing everything.',
  },
  dryRun: {
    flag: 'dry-run',
    type: booleanValue,
    default: 'false',
    group: 'Input and output',
    help: 'Reports what would happen, and prints and writes nothing.',
  },
  only: {
    flag: 'only',
    type: listValue(selectorValue),
    group: 'Input and output',
    help: 'The only workloads to change, such as Deployment/web,nightly. Default: all.',
  },
} as const satisfies OptionTable;

const variable: { readonly type: ValueType<readonly [string, string]>; readonly group: string } = {
  type: variableValue,
  group: 'Containers',
};

/** Flags of `inject` alone. */
export const injectOptions = {
  ...commonOptions,
  proxyImage: {
    flag: 'proxy-image',
    type: imageValue,
    required: 'name the image that was built from Dockerfile.proxy',
    group: 'Containers',
    help: 'Image of the proxy.',
  },
  initImage: {
    flag: 'init-image',
    type: imageValue,
    group: 'Containers',
    help: 'Image of proxy-init. Required unless --no-redirect is given.',
  },
  noRedirect: {
    flag: 'no-redirect',
    type: booleanValue,
    default: 'false',
    group: 'Containers',
    help: "Adds neither proxy-init nor its capability, for pods that may not have NET_ADMIN. The application's containers get the variables of App Service, which lead SDKs to the proxy.",
  },
  nativeSidecar: {
    flag: 'native-sidecar',
    type: booleanValue,
    group: 'Containers',
    help: 'Makes the proxy an init container that keeps running (Kubernetes 1.29 and newer), so that other init containers are served too. This is the default.',
  },
  classic: {
    flag: 'classic',
    type: booleanValue,
    group: 'Containers',
    help: 'Makes the proxy an ordinary container, for older clusters.',
  },
  proxyPort: {
    flag: 'proxy-port',
    type: portValue(),
    group: 'Containers',
    help: `Port that the proxy listens on. Default: that of the pod's annotation azure.workload.identity/proxy-sidecar-port, else ${proxyPort}.`,
  },
  adminPort: {
    flag: 'admin-port',
    type: portValue({ zero: 'turns it off' }),
    default: `${defaultAdminPort}`,
    group: 'Containers',
    help: 'Port of health and metrics; 0 turns it off, and the liveness probe with it.',
  },
  logLevel: {
    flag: 'log-level',
    type: { label: 'level', parse: parseLogLevel } as ValueType<string>,
    default: 'info',
    group: 'Containers',
    help: 'Log level of the proxy.',
  },
  passthrough: {
    flag: 'passthrough',
    type: choiceValue(['off', 'instance', 'all']),
    default: 'instance',
    group: 'Containers',
    help: 'Which other metadata paths the proxy forwards. With off, nothing in the pod reaches the real metadata service.',
  },
  proxyEnv: {
    flag: 'proxy-env',
    ...variable,
    help: 'A variable of the proxy, such as HTTPS_PROXY or one of its own. May be repeated.',
  },
  initEnv: {
    flag: 'init-env',
    ...variable,
    help: 'A variable of proxy-init. May be repeated.',
  },
  cpuRequest: {
    flag: 'cpu-request',
    type: quantityValue,
    default: '10m',
    group: 'Resources of each container',
    help: 'CPU that is reserved.',
  },
  cpuLimit: {
    flag: 'cpu-limit',
    type: quantityValue,
    default: 'none',
    group: 'Resources of each container',
    help: 'CPU that cannot be exceeded.',
  },
  memoryRequest: {
    flag: 'memory-request',
    type: quantityValue,
    default: '64Mi',
    group: 'Resources of each container',
    help: 'Memory that is reserved.',
  },
  memoryLimit: {
    flag: 'memory-limit',
    type: quantityValue,
    default: '128Mi',
    group: 'Resources of each container',
    help: 'Memory that cannot be exceeded.',
  },
  webhook: {
    flag: 'webhook',
    type: choiceValue(['present', 'absent']),
    default: 'present',
    group: 'Identity',
    help: 'Whether the cluster runs the azure-workload-identity webhook (AKS with workload identity does). If so, the pod gets its label and the webhook adds token and variables; if not, the manifest brings them.',
  },
  identityBinding: {
    flag: 'identity-binding',
    type: booleanValue,
    default: 'false',
    group: 'Identity',
    help: 'Exchanges through the AKS token proxy. With --webhook=absent, --token-proxy is needed as well.',
  },
  clientId: {
    flag: 'client-id',
    type: guidValue,
    group: 'Identity, with --webhook=absent',
    help: 'Client ID for requests that name none. Default: the annotation of the ServiceAccount, if that is part of the input.',
  },
  tenantId: {
    flag: 'tenant-id',
    type: tenantValue,
    group: 'Identity, with --webhook=absent',
    help: 'Tenant. Default: the annotation of the ServiceAccount, if that is part of the input.',
  },
  authorityHost: {
    flag: 'authority-host',
    type: httpsUrlValue,
    group: 'Identity, with --webhook=absent',
    help: 'Where Entra answers in a cloud that is not the public one.',
  },
  tokenContainers: {
    flag: 'token-containers',
    type: containersValue,
    group: 'Identity, with --webhook=absent',
    help: 'Containers of the application that get the token file and its variables too, for SDKs that use workload identity themselves: none (default), all, or names with commas in between.',
  },
  tokenProxy: {
    flag: 'token-proxy',
    type: httpsUrlValue,
    group: 'Identity, with --webhook=absent',
    help: 'URL of the AKS token proxy.',
  },
  tokenProxySni: {
    flag: 'token-proxy-sni',
    type: nameValue,
    group: 'Identity, with --webhook=absent',
    help: 'TLS server name of the token proxy.',
  },
  tokenProxyCa: {
    flag: 'token-proxy-ca',
    type: nameValue,
    group: 'Identity, with --webhook=absent',
    help: 'ConfigMap with the CA of the token proxy under the key ca.crt. Default: kube-root-ca.crt, which every namespace has.',
  },
} as const satisfies OptionTable;

function parseLogLevel(text: string): ReturnType<ValueType<string>['parse']> {
  const level = logLevelValue.parse(text);
  return level.ok ? { ok: true, value: text } : level;
}
