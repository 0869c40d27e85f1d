import { guidValue, tenantValue } from '../shared/entra-values.ts';
import { logLevelValue } from '../shared/log-level.ts';
import type { OptionTable, ValueType } from '../shared/option-table.ts';
import { booleanValue, choiceValue, listValue, portValue } from '../shared/option-values.ts';
import { proxyGid, proxyPort, proxyUid } from '../shared/redirect-contract.ts';
import { defaultAdminPort } from './contract.ts';
import {
  containersValue,
  fileValue,
  httpsUrlValue,
  imageValue,
  keyOfObjectValue,
  mountValue,
  nameValue,
  proxyUserValue,
  quantityValue,
  seccompProfileValue,
  templatePathValue,
  variableNameValue,
  variableValue,
} from './option-types.ts';
import { annotationValue, labelSelectorValue, namePatternValue } from './select.ts';

const io = 'Input and output';
const which = 'Which workloads';
const containers = 'Containers';

/** Flags of `inject` and `uninject`. */
export const commonOptions = {
  file: {
    flag: 'f',
    type: fileValue,
    group: io,
    help: 'A file, a folder with all below it, or - for standard input, which is the default. May be repeated; arguments without a flag mean the same.',
  },
  inPlace: {
    flag: 'in-place',
    type: booleanValue,
    default: 'false',
    group: io,
    help: 'Writes the files that change instead of printing everything.',
  },
  dryRun: {
    flag: 'dry-run',
    type: booleanValue,
    default: 'false',
    group: io,
    help: 'Reports what would happen, and prints and writes nothing.',
  },
  check: {
    flag: 'check',
    type: booleanValue,
    default: 'false',
    group: io,
    help: 'Like --dry-run, and exits with 1 if something would change.',
  },
  diff: {
    flag: 'diff',
    type: booleanValue,
    default: 'false',
    group: io,
    help: 'Prints what would change as a unified diff, and writes nothing.',
  },
  report: {
    flag: 'report',
    type: choiceValue(['text', 'json']),
    default: 'text',
    group: io,
    help: 'Form of the report on standard error.',
  },
  reportFile: {
    flag: 'report-file',
    type: fileValue,
    group: io,
    help: 'Also writes the report as JSON to this file.',
  },
  verbose: {
    flag: 'verbose',
    type: booleanValue,
    default: 'false',
    group: io,
    help: 'Also lists documents that are not Kubernetes objects.',
  },
  krm: {
    flag: 'krm',
    type: booleanValue,
    default: 'false',
    group: io,
    help: 'Works as a KRM function for kustomize: a ResourceList comes in and goes out, and its functionConfig adds to the flags.',
  },
  only: {
    flag: 'only',
    type: listValue(namePatternValue),
    group: which,
    help: 'The only workloads to change: names, Kind/name or namespace/Kind/name, with * for anything. It is an error if one of them cannot be changed. May be repeated. Default: all.',
  },
  except: {
    flag: 'except',
    type: listValue(namePatternValue),
    group: which,
    help: 'Workloads to leave alone, named as with --only. May be repeated.',
  },
  selector: {
    flag: 'selector',
    type: labelSelectorValue,
    group: which,
    help: 'Changes only pods whose labels match this selector, such as app=web,tier!=cache. The labels of the pod template count.',
  },
  annotation: {
    flag: 'annotation',
    type: annotationValue,
    group: which,
    help: 'Changes only pods with this annotation on their template. May be repeated.',
  },
  templatePath: {
    flag: 'template-path',
    type: templatePathValue,
    group: which,
    help: 'Where a kind that inject does not know has its pod template. May be repeated.',
  },
} as const satisfies OptionTable;

const variable: { readonly type: ValueType<readonly [string, string]>; readonly group: string } = {
  type: variableValue,
  group: containers,
};

/** Flags of `inject` alone. */
export const injectOptions = {
  ...commonOptions,
  annotated: {
    flag: 'annotated',
    type: booleanValue,
    default: 'false',
    group: which,
    help: 'Changes only pods that ask for it: annotation azure.workload.identity/inject-proxy-sidecar or azure.workload.identity/proxy with the value "true".',
  },
  ignoreOptOut: {
    flag: 'ignore-opt-out',
    type: booleanValue,
    default: 'false',
    group: which,
    help: 'Also changes pods that refuse it: one of these annotations, or the label azure.workload.identity/use, with the value "false".',
  },
  unknownKinds: {
    flag: 'unknown-kinds',
    type: choiceValue(['warn', 'inject', 'fail']),
    default: 'warn',
    group: which,
    help: 'What to do about a pod template in a kind that is not known.',
  },
  onUnsupported: {
    flag: 'on-unsupported',
    type: choiceValue(['warn', 'fail']),
    default: 'warn',
    group: which,
    help: 'What to do about pods in which the proxy cannot work: hostNetwork, Windows, virtual nodes. Ports or names that are taken are errors in any case.',
  },
  config: {
    flag: 'config',
    type: fileValue,
    group: io,
    help: 'A YAML file with defaults for the flags below, by their names. Default: inject.yaml beside the manifests, if there is one.',
  },
  proxyImage: {
    flag: 'proxy-image',
    type: imageValue,
    required: 'name the image that was built from Dockerfile.proxy',
    group: containers,
    help: 'Image of the proxy.',
  },
  initImage: {
    flag: 'init-image',
    type: imageValue,
    group: containers,
    help: 'Image of proxy-init. Required unless --no-redirect is given.',
  },
  noRedirect: {
    flag: 'no-redirect',
    type: booleanValue,
    default: 'false',
    group: containers,
    help: "Adds neither proxy-init nor its capability, for pods that may not have NET_ADMIN. The application's containers get the variables of App Service, which lead SDKs to the proxy.",
  },
  nativeSidecar: {
    flag: 'native-sidecar',
    type: booleanValue,
    group: containers,
    help: 'Makes the proxy an init container that keeps running (Kubernetes 1.29 and newer), so that other init containers are served too. This is the default.',
  },
  classic: {
    flag: 'classic',
    type: booleanValue,
    group: containers,
    help: 'Makes the proxy an ordinary container, for older clusters.',
  },
  proxyPort: {
    flag: 'proxy-port',
    type: portValue(),
    group: containers,
    help: `Port that the proxy listens on. Default: that of the pod's annotation azure.workload.identity/proxy-sidecar-port, else ${proxyPort}.`,
  },
  adminPort: {
    flag: 'admin-port',
    type: portValue({ zero: 'turns it off' }),
    default: `${defaultAdminPort}`,
    group: containers,
    help: 'Port of health and metrics; 0 turns it off, and the liveness probe with it.',
  },
  logLevel: {
    flag: 'log-level',
    type: { label: 'level', parse: parseLogLevel } as ValueType<string>,
    default: 'info',
    group: containers,
    help: 'Log level of the proxy.',
  },
  passthrough: {
    flag: 'passthrough',
    type: choiceValue(['off', 'instance', 'all']),
    default: 'instance',
    group: containers,
    help: 'Which other metadata paths the proxy forwards. With off, nothing in the pod reaches the real metadata service.',
  },
  proxyEnv: {
    flag: 'proxy-env',
    ...variable,
    help: 'A variable of the proxy, such as HTTPS_PROXY or IMDS_PROXY_ALLOWED_RESOURCES. May be repeated.',
  },
  initEnv: {
    flag: 'init-env',
    ...variable,
    help: 'A variable of proxy-init. May be repeated.',
  },
  imagePullPolicy: {
    flag: 'image-pull-policy',
    type: choiceValue(['IfNotPresent', 'Always', 'Never']),
    default: 'IfNotPresent',
    group: containers,
    help: 'When the node pulls the two images.',
  },
  imagePullSecret: {
    flag: 'image-pull-secret',
    type: nameValue,
    group: containers,
    help: 'A Secret for the registry of the two images, added to imagePullSecrets. May be repeated.',
  },
  proxyUser: {
    flag: 'proxy-user',
    type: proxyUserValue,
    default: `${proxyUid}:${proxyGid}`,
    group: containers,
    help: 'User and group of the proxy. With none the cluster chooses, as OpenShift requires; this needs --no-redirect, because the redirect knows the proxy by its user.',
  },
  seccompProfile: {
    flag: 'seccomp-profile',
    type: seccompProfileValue,
    default: 'RuntimeDefault',
    group: containers,
    help: "Seccomp profile of the proxy. localhost/imds-proxy.json is the file imds-proxy.json in the kubelet's folder of profiles, which each node must have.",
  },
  caConfigMap: {
    flag: 'ca-configmap',
    type: keyOfObjectValue('ca.crt'),
    group: containers,
    help: 'ConfigMap with certificates that the proxy trusts as well, such as those of a TLS-inspecting proxy. Default key: ca.crt.',
  },
  caSecret: {
    flag: 'ca-secret',
    type: keyOfObjectValue('ca.crt'),
    group: containers,
    help: 'The same from a Secret.',
  },
  proxyMount: {
    flag: 'proxy-mount',
    type: mountValue,
    group: containers,
    help: 'Mounts a ConfigMap, a Secret or a volume of the pod into the proxy, read-only. May be repeated.',
  },
  dropNetRaw: {
    flag: 'drop-net-raw',
    type: booleanValue,
    default: 'false',
    group: containers,
    help: "Takes the capability NET_RAW from the application's containers: with it they can send packets past the redirect.",
  },
  headerKeyFile: {
    flag: 'header-key-file',
    type: fileValue,
    group: 'Secret without the redirect',
    help: 'File with a key of at least 16 bytes, from which the secret of each workload is derived. Keep it out of version control.',
  },
  headerKeyVariable: {
    flag: 'header-key-variable',
    type: variableNameValue,
    group: 'Secret without the redirect',
    help: 'Name of an environment variable with such a key.',
  },
  headerSecret: {
    flag: 'header-secret',
    type: keyOfObjectValue('header'),
    group: 'Secret without the redirect',
    help: "Secret in the pod's namespace that has the secret itself. Default key: header.",
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
    default: '32Mi',
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
