/** Names that other tools know us by. Changing one orphans what earlier versions have injected. */

/**
 * Names of our containers: upstream's, so that its webhook adds no second pair, and so that whoever looks
 * for them (log pipelines, policies, `kubectl logs -c`) finds them.
 */
export const proxyName = 'azwi-proxy';
export const initName = 'azwi-proxy-init';

/** Annotation on the pod that holds how to undo the injection; also the mark that there is one. */
export const recordAnnotation = 'workload-identity-imds-proxy/injected';

/** Name of the port that serves health and metrics, which a PodMonitor selects by. */
export const metricsPortName = 'imds-metrics';

/** The webhook's words (azure-workload-identity, pkg/webhook/consts.go). */
export const webhook = {
  useLabel: 'azure.workload.identity/use',
  injectAnnotation: 'azure.workload.identity/inject-proxy-sidecar',
  portAnnotation: 'azure.workload.identity/proxy-sidecar-port',
  skipAnnotation: 'azure.workload.identity/skip-containers',
  /** What AKS runs its webhook with; the last part of the name is a setting of the webhook. */
  identityBindingAnnotation: 'azure.workload.identity/use-identity-binding',
  clientIdAnnotation: 'azure.workload.identity/client-id',
  tenantIdAnnotation: 'azure.workload.identity/tenant-id',
  /** On the pod, or on its ServiceAccount: seconds for which the federated token is valid. */
  expirationAnnotation: 'azure.workload.identity/service-account-token-expiration',
} as const;

/** The label by which AAD Pod Identity chooses the identities of a pod. */
export const bindingLabel = 'aadpodidbinding';

/** What upstream's webhook accepts as the lifetime of a federated token, and takes if nobody says. */
export const tokenExpiration = {
  leastSeconds: 3600,
  mostSeconds: 86_400,
  defaultSeconds: 3600,
} as const;

/** Our own annotations, which the admission policies read. */
export const policyAnnotations = {
  /** On the pod: "false" leaves out the redirect, and points the containers to the proxy by their environment. */
  redirect: 'workload-identity-imds-proxy/redirect',
  /** On the pod: NAME or NAME/KEY of the Secret for pods without the redirect. */
  headerSecret: 'workload-identity-imds-proxy/header-secret',
  /** On the pod: the value of IMDS_PROXY_IDENTITIES. */
  identities: 'workload-identity-imds-proxy/identities',
  /** On the pod: NAME or NAME/KEY of a ConfigMap with that value. */
  identitiesConfigMap: 'workload-identity-imds-proxy/identities-configmap',
  /** On the namespace: the values of IMDS_PROXY_ALLOWED_CLIENT_IDS and IMDS_PROXY_ALLOWED_RESOURCES. */
  allowedClientIds: 'workload-identity-imds-proxy/allowed-client-ids',
  allowedResources: 'workload-identity-imds-proxy/allowed-resources',
  /**
   * Written by the mutating policy, which cannot refuse a pod with its own message. The validating policy
   * refuses the pod with this text, so that it is never stored.
   */
  fault: 'workload-identity-imds-proxy/fault',
} as const;

/**
 * Annotations by which a pod asks for the proxy ("true") or refuses it ("false"): that of upstream's webhook, and
 * that of AKS's migration guide. They mean the same everywhere.
 */
export const proxyAnnotations = [
  webhook.injectAnnotation,
  'azure.workload.identity/proxy',
] as const;

/** Names of the variables by which clients and the proxy agree on App Service's protocol. */
export const appService = {
  path: '/msi/token',
  /** Of clients since 2019, then of older ones: where to ask, and the secret to bring. */
  clientVariables: [
    ['IDENTITY_ENDPOINT', 'IDENTITY_HEADER'],
    ['MSI_ENDPOINT', 'MSI_SECRET'],
  ],
  proxyVariable: 'IMDS_PROXY_IDENTITY_HEADER',
} as const;

/** Where the token is, for containers that get it from us and not from the webhook. */
export const tokenVolume = {
  name: 'imds-proxy-token',
  mountPath: '/var/run/secrets/imds-proxy',
  tokenPath: 'token',
  caPath: 'ca.crt',
} as const;

/** Where the CA bundle of `--ca-configmap` and `--ca-secret` is. */
export const caVolume = {
  name: 'imds-proxy-ca',
  mountPath: '/var/run/secrets/imds-proxy-ca',
  path: 'ca.crt',
} as const;

/** Audiences that Entra and AKS's token proxy expect of a ServiceAccount token. */
export const audiences = {
  entra: 'api://AzureADTokenExchange',
  identityBinding: 'api://AKSIdentityBinding',
} as const;

/** Port of health and metrics if nobody sets another: the proxy's own default. */
export const defaultAdminPort = 9808;
