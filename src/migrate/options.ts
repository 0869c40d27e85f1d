import { fileValue, httpsUrlValue, nameValue } from '../inject/option-types.ts';
import { commonOptions, injectOptions } from '../inject/options.ts';
import { namePatternValue } from '../inject/select.ts';
import { accept, type OptionTable, refuse, type ValueType } from '../shared/option-table.ts';
import { booleanValue, choiceValue } from '../shared/option-values.ts';
import type { DefaultChoice } from './plan/settings.ts';

const io = 'Input and output';
const cluster = 'The cluster';
const identity = 'Identities';

/** `IDENTITY`, or `[[NAMESPACE/]KIND/]WORKLOAD=IDENTITY`. */
const defaultChoiceValue: ValueType<DefaultChoice> = {
  label: '[workload=]identity',
  parse(text) {
    const [, workload, name] = /^(?:([^=]+)=)?([^=]+)$/.exec(text) ?? [];
    if (name === undefined) {
      return refuse('names no identity', 'write IDENTITY, or [[NAMESPACE/]KIND/]WORKLOAD=IDENTITY');
    }
    if (workload === undefined) return accept({ text, workload: undefined, identity: name });
    const pattern = namePatternValue.parse(workload);
    return pattern.ok ? accept({ text, workload: pattern.value, identity: name }) : pattern;
  },
};

const containerFlags = [
  'config',
  'proxyImage',
  'initImage',
  'noRedirect',
  'nativeSidecar',
  'classic',
  'proxyPort',
  'adminPort',
  'logLevel',
  'passthrough',
  'proxyEnv',
  'initEnv',
  'imagePullPolicy',
  'imagePullSecret',
  'proxyUser',
  'caConfigMap',
  'caSecret',
  'proxyMount',
  'dropNetRaw',
  'headerKeyFile',
  'headerKeyVariable',
  'headerSecret',
  'cpuRequest',
  'cpuLimit',
  'memoryRequest',
  'memoryLimit',
  'authorityHost',
  'tokenContainers',
  'tokenProxy',
  'tokenProxySni',
  'tokenProxyCa',
] as const satisfies readonly (keyof typeof injectOptions)[];

/** Flags that mean the same as for `inject`. */
export const containerOptions = pick(injectOptions, containerFlags);

function pick<T extends object, K extends keyof T>(all: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, all[key]])) as Pick<T, K>;
}

/** Flags of `migrate` alone. */
export const ownOptions = {
  file: {
    ...commonOptions.file,
    help: 'A file, a folder with all below it, or - for standard input, which is the default: manifests, the output of kubectl get -o yaml or -o json, of helm template, or of az aks pod-identity list -o json. May be repeated; arguments without a flag mean the same.',
  },
  output: {
    flag: 'output',
    type: choiceValue(['table', 'json', 'markdown']),
    default: 'table',
    group: io,
    help: 'Form of the plan: a table for people, JSON for programs (docs/migration-plan.schema.json), or Markdown for a pull request.',
  },
  check: {
    flag: 'check',
    type: booleanValue,
    default: 'false',
    group: io,
    help: 'Exits with 1 while something still depends on AAD Pod Identity, and with 0 when nothing does. Prints what does.',
  },
  write: {
    flag: 'write',
    type: fileValue,
    group: io,
    help: 'Writes everything that the migration needs into this folder, which must be new or empty: README.md with the steps, ServiceAccounts, workloads, federated credentials as a script, Bicep and Terraform, and a script that cleans up. All or nothing.',
  },
  inPlace: {
    flag: 'in-place',
    type: booleanValue,
    default: 'false',
    group: io,
    help: 'Changes the manifests themselves, as inject does: only the lines that must change. All or nothing.',
  },
  dropLabel: {
    flag: 'drop-label',
    type: booleanValue,
    default: 'false',
    group: io,
    help: 'With --write or --in-place: also removes the label aadpodidbinding from the pods. Without the label, a roll back to AAD Pod Identity needs to add it again.',
  },
  namespace: {
    flag: 'namespace',
    type: nameValue,
    default: 'default',
    group: io,
    help: 'Namespace of objects that have none.',
  },
  templatePath: {
    ...commonOptions.templatePath,
    group: io,
    help: 'Where a kind that is not known has its pod template. May be repeated.',
  },
  issuer: {
    flag: 'issuer',
    type: httpsUrlValue,
    group: cluster,
    help: 'Issuer URL of the cluster, exactly as az aks show --query oidcIssuerProfile.issuerUrl prints it. May be repeated if the same workloads run in several clusters. Default: that of the AKS cluster whose description is in the input.',
  },
  tenantId: {
    ...injectOptions.tenantId,
    group: cluster,
    help: 'Tenant of the identities. It is annotated on the ServiceAccounts.',
  },
  clusterScoped: {
    flag: 'cluster-scoped',
    type: booleanValue,
    default: 'false',
    group: cluster,
    help: 'AAD Pod Identity matches across namespaces in this cluster, as it does unless forceNamespaced is set. If MIC or NMI are in the input, their flags decide.',
  },
  webhook: {
    flag: 'webhook',
    type: choiceValue(['present', 'absent']),
    group: cluster,
    help: 'present: the webhook of the cluster adds the containers, and the pods only get its label and annotation. absent: there is no webhook, and the pods bring their own token. Default: the containers are added, and the webhook adds the token.',
  },
  defaultIdentity: {
    flag: 'default-identity',
    type: defaultChoiceValue,
    group: identity,
    help: 'Which of several identities answers requests that name none, by name or client ID: for one workload, as in shop/Deployment/web=reader, or without a workload for all that have it. May be repeated; the last one that fits counts. Default: the one with the greatest weight, else the first by name.',
  },
  identityBinding: {
    ...injectOptions.identityBinding,
    group: identity,
    help: 'Uses identity bindings of AKS for managed identities: one credential for each identity, however many ServiceAccounts. With --webhook=absent, --token-proxy is needed as well.',
  },
} as const satisfies OptionTable;

/** Everything that `migrate --help` lists. */
export const migrateOptions = {
  ...ownOptions,
  ...containerOptions,
  proxyImage: {
    flag: containerOptions.proxyImage.flag,
    type: containerOptions.proxyImage.type,
    group: containerOptions.proxyImage.group,
    help: `${containerOptions.proxyImage.help} Required to write manifests.`,
  },
} as const;
