/** What is to be done to manifests. */
export type Action =
  | { readonly kind: 'inject'; readonly settings: InjectSettings }
  | { readonly kind: 'uninject' };

/** What `inject` is told on its command line. */
export interface InjectSettings {
  /** How the proxy is kept running: as an init container that restarts, or as an ordinary container. */
  readonly sidecar: 'native' | 'classic';
  readonly proxyImage: string;
  /** Undefined if there is no redirect: clients are then pointed to the proxy by their environment. */
  readonly initImage: string | undefined;
  /** If undefined, the pod's annotation or the default decides. */
  readonly proxyPort: number | undefined;
  /** 0 if there is none. */
  readonly adminPort: number;
  readonly logLevel: string;
  readonly passthrough: 'off' | 'instance' | 'all';
  readonly proxyEnv: ReadonlyMap<string, string>;
  readonly initEnv: ReadonlyMap<string, string>;
  readonly resources: Resources;
  readonly credentials: Credentials;
}

/** Quantities as Kubernetes writes them; undefined for none. */
export interface Resources {
  readonly cpuRequest: string | undefined;
  readonly memoryRequest: string | undefined;
  readonly cpuLimit: string | undefined;
  readonly memoryLimit: string | undefined;
}

/** Who gives the proxy its token file and tells it which identity it is. */
export type Credentials = WebhookCredentials | OwnCredentials;

/** The azure-workload-identity webhook, when the pod is created. */
export interface WebhookCredentials {
  readonly kind: 'webhook';
  readonly identityBinding: boolean;
}

/** The manifest itself. */
export interface OwnCredentials {
  readonly kind: 'own';
  /** If undefined, the ServiceAccount's annotation decides. */
  readonly clientId: string | undefined;
  readonly tenantId: string | undefined;
  readonly authorityHost: string | undefined;
  /** Which containers of the application get the token file as well. */
  readonly tokenContainers: 'none' | 'all' | readonly string[];
  readonly identityBinding: IdentityBinding | undefined;
}

/** How AKS's token proxy is reached. */
export interface IdentityBinding {
  readonly tokenProxy: string;
  readonly serverName: string | undefined;
  /** ConfigMap with the CA under the key ca.crt. */
  readonly caConfigMap: string;
}
