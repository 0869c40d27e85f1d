/** The two containers of src/inject/pod/containers.ts, and their volumes, as expressions of CEL. */
import { appService, caVolume, defaultAdminPort, tokenVolume } from '../../src/inject/contract.ts';
import { isList, isMap, type Value } from '../../src/inject/manifest/value.ts';
import { parseSettings } from '../../src/inject/parse-settings.ts';
import {
  type Container,
  type ContainerSettings,
  type EnvValue,
  toExemption,
  toInitContainer,
  toProxyContainer,
  toProxyVolumes,
} from '../../src/inject/pod/containers.ts';
import { toCredentialVariables, toTokenVolume } from '../../src/inject/pod/credentials.ts';
import type { OwnCredentials } from '../../src/inject/settings.ts';
import { indent, toCel, wrap } from './cel.ts';

/** Where each value comes from: variables of the policy. */
const credentials: OwnCredentials = {
  kind: 'own',
  clientId: '$[variables.identity.clientId]',
  tenantId: '$[variables.identity.tenantId]',
  authorityHost: '$[variables.authorityHost]',
  tokenContainers: 'none',
  identityBinding: {
    tokenProxy: '$[variables.tokenProxy]',
    serverName: '$[variables.tokenProxyServerName]',
    caConfigMap: '$[variables.tokenProxyCa]',
  },
};

/** Items that a pod does not always have, by their names. */
const conditions: Readonly<Record<string, string>> = {
  AZURE_CLIENT_ID: 'variables.identity.clientId != ""',
  AZURE_TENANT_ID: 'variables.identity.tenantId != ""',
  AZURE_AUTHORITY_HOST: 'variables.authorityHost != ""',
  AZURE_KUBERNETES_TOKEN_PROXY: 'variables.binding',
  AZURE_KUBERNETES_SNI_NAME: 'variables.binding && variables.tokenProxyServerName != ""',
  AZURE_KUBERNETES_CA_FILE: 'variables.binding',
  IMDS_PROXY_ADMIN_PORT: `variables.adminPort != ${defaultAdminPort}`,
  IMDS_PROXY_ALLOWED_CLIENT_IDS: 'variables.allowedClientIds != ""',
  IMDS_PROXY_ALLOWED_RESOURCES: 'variables.allowedResources != ""',
  IMDS_PROXY_IDENTITIES: 'variables.identities != ""',
  IMDS_PROXY_PASSTHROUGH: 'variables.passthrough != "instance"',
  NODE_EXTRA_CA_CERTS: 'variables.caConfigMap != ""',
  [caVolume.name]: 'variables.caConfigMap != ""',
};

const settings = toSettings();
const facts = { proxyPort: '$[variables.port]', graceSeconds: undefined } as const;

const describedInit = toInitContainer(settings, '$[variables.initImage]', facts);

/** Resources of each of the two containers: the defaults of `inject`. */
export const { resources } = describedInit;

/** The init container, with placeholders for what differs from pod to pod. */
export const init = complete(describedInit, {
  INIT_EXEMPT: `$[variables.passthrough == "off" ? "${toExemption('off')}" : "${toExemption('instance')}"]`,
});

/** One profile by the setting. `?` adds a field only if the value is there. */
const seccompProfile = {
  type: '$[variables.seccompProfile == "" ? "RuntimeDefault" : "Localhost"]',
  '?localhostProfile': '$[optional.ofNonZeroValue(variables.seccompProfile)]',
};

/** The proxy, likewise. */
export const proxy = withProfile(
  complete(
    toProxyContainer(
      settings,
      facts,
      new Map<string, EnvValue>([
        ...toCredentialVariables(credentials, undefined),
        ['IMDS_PROXY_ALLOWED_CLIENT_IDS', '$[variables.allowedClientIds]'],
        ['IMDS_PROXY_ALLOWED_RESOURCES', '$[variables.allowedResources]'],
        ['IMDS_PROXY_IDENTITIES', '$[variables.identities]'],
      ]),
    ),
    {
      IMDS_PROXY_ADMIN_PORT: '$[string(variables.adminPort)]',
      IMDS_PROXY_PASSTHROUGH: '$[variables.passthrough]',
    },
  ),
);

/** Names of the variables that the policy sets for the proxy, in some pods at least. */
export const proxyVariables = toItems(proxy['env']).map(({ name }) => name);

function toSettings(): ContainerSettings {
  // Pass-through other than the default, so that its variable is described too.
  const flags = { proxyImage: ['any'], initImage: ['any'], passthrough: ['all'] };
  const parsed = parseSettings(new Map(Object.entries(flags)), undefined);
  if (!parsed.ok) throw new Error(parsed.errors.join('\n'));
  return {
    ...parsed.value,
    credentials,
    proxyImage: '$[variables.proxyImage]',
    adminPort: '$[variables.adminPort]',
    logLevel: '$[variables.logLevel]',
    caBundle: { kind: 'configMap', name: '$[variables.caConfigMap]', key: caVolume.path },
  };
}

function withProfile(container: Container): Container {
  const { securityContext } = container;
  if (!isMap(securityContext)) throw new Error('the proxy has no security context');
  return { ...container, securityContext: { ...securityContext, seccompProfile } };
}

/** @param env values of variables that follow from settings which only the cluster knows. */
function complete(
  // A map cannot stand in an object of a JSON patch: resources get their own patch.
  { resources: _resources, ...container }: Container,
  env: Readonly<Record<string, string>>,
): Container {
  return {
    ...container,
    imagePullPolicy: '$[variables.pullPolicy]',
    env: toItems(container['env']).map((item) => {
      const value = env[item.name];
      return value === undefined ? item : { ...item, value };
    }),
  };
}

function toItems(value: Value | undefined): readonly Container[] {
  if (!isList(value)) throw new Error('not a list of items with names');
  return value.map((item) => {
    const name = isMap(item) ? item['name'] : undefined;
    if (!isMap(item) || typeof name !== 'string') throw new Error('an item has no name');
    return { ...item, name };
  });
}

const type = 'Object.spec.initContainers';

export const initExpression = toExpression(init);
export const proxyExpression = toExpression(proxy, [
  when(
    'variables.identitiesConfigMap[0] != ""',
    toCel(
      reference('IMDS_PROXY_IDENTITIES', 'configMapKeyRef', 'identitiesConfigMap'),
      `${type}.env`,
    ),
  ),
  when('!variables.redirect', toCel(toHeader(appService.proxyVariable), `${type}.env`)),
  `variables.proxyEnv.map(e, ${type}.env{name: e.name, value: e.value})`,
]);

/** The variable with the secret of pods without the redirect. */
export function toHeader(name: string): Container {
  return reference(name, 'secretKeyRef', 'headerSecret');
}

/** @param variable of the policy: a list of the object's name and the key in it. */
function reference(name: string, kind: string, variable: string): Container {
  const source = { name: `$[variables.${variable}[0]]`, key: `$[variables.${variable}[1]]` };
  return { name, valueFrom: { [kind]: source } };
}

function toExpression(container: Container, moreEnv: readonly string[] = []): string {
  const fields = Object.entries(container).map(([key, value]) => {
    switch (key) {
      case 'env':
        return `env: ${join([...toTerms(toItems(value), `${type}.env`), ...moreEnv])}`;
      case 'volumeMounts':
        return `volumeMounts: ${join(toTerms(toItems(value), `${type}.volumeMounts`))}`;
      default:
        return `${key}: ${toCel(value, typeof value === 'object' ? `${type}.${key}` : undefined)}`;
    }
  });
  return wrap(`${type}{`, fields, '}');
}

/** Lists that together hold the items whose conditions hold. */
function toTerms(items: readonly Container[], itemType: string): readonly string[] {
  const terms: string[] = [];
  let certain: string[] = [];
  const close = (): void => {
    if (certain.length > 0) terms.push(wrap('[', certain, ']'));
    certain = [];
  };
  for (const item of items) {
    const condition = conditions[item.name];
    if (condition === undefined) {
      certain.push(toCel(item, itemType));
      continue;
    }
    close();
    terms.push(when(condition, toCel(item, itemType)));
  }
  close();
  return terms;
}

/** A list with one item if the condition holds, else an empty one. */
function when(condition: string, item: string): string {
  return `(${condition} ? [${item}] : [])`;
}

function join(terms: readonly string[]): string {
  return indent(terms.join(' +\n')).trimStart();
}

/** A volume of ours, and the condition on which a pod has it. */
export interface VolumeExpression {
  readonly name: string;
  readonly condition: string;
  readonly value: string;
}

export const volumes: readonly VolumeExpression[] = [
  {
    name: tokenVolume.name,
    condition: 'true',
    value: `variables.binding\n  ? ${toVolume(toTokenVolume(credentials, '$[variables.expiration]'))}\n  : ${toVolume(
      toTokenVolume({ identityBinding: undefined }, '$[variables.expiration]'),
    )}`,
  },
  ...toProxyVolumes({ caBundle: settings.caBundle, mounts: [] }).map((volume) => ({
    name: volume.name,
    condition: conditions[volume.name] ?? 'true',
    value: toVolume(volume),
  })),
];

function toVolume(volume: Container): string {
  return indent(toCel(volume, 'Object.spec.volumes')).trimStart();
}
