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
