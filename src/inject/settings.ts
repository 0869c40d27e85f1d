/** The change to make to manifests. */
export type Action =
  | { readonly kind: 'inject'; readonly settings: InjectSettings }
  | { readonly kind: 'uninject' };

/** What `inject` is told by its flags and its defaults file. */
export interface InjectSettings {
  /** How the proxy is kept running: as an init container that restarts, or as an ordinary container. */
  readonly sidecar: 'native' | 'classic';
  readonly proxyImage: string;
  /** Undefined if there is no redirect: clients are then pointed to the proxy by their environment. */
  readonly initImage: string | undefined;
  readonly pullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** Secrets with the credentials of the images' registry. */
  readonly pullSecrets: readonly string[];
  /** If undefined, the pod's annotation or the default decides. */
  readonly proxyPort: number | undefined;
  /** 0 turns it off. */
  readonly adminPort: number;
  readonly logLevel: string;
  readonly passthrough: 'off' | 'instance' | 'all';
  readonly proxyEnv: ReadonlyMap<string, string>;
  readonly initEnv: ReadonlyMap<string, string>;
  readonly resources: Resources;
  /** `none` leaves the user to the cluster, as OpenShift wants it. */
  readonly proxyUser: ProxyUser | 'none';
  /** Path of the proxy's seccomp profile below the kubelet's folder. If undefined, that of the container runtime. */
  readonly seccompProfile: string | undefined;
  readonly caBundle: CaBundle | undefined;
  readonly mounts: readonly Mount[];
  /** Where the secret of the App Service protocol comes from, which pods without the redirect need. */
  readonly header: HeaderSource | undefined;
  /** Whether the application's containers lose NET_RAW, by which they could send packets past the redirect. */
  readonly dropNetRaw: boolean;
  readonly credentials: Credentials;
}

export interface ProxyUser {
  readonly uid: number;
  readonly gid: number;
}

/** Certificates that the proxy trusts in addition to Node's own. */
export interface CaBundle {
  readonly kind: 'configMap' | 'secret';
  readonly name: string;
  readonly key: string;
}

/** Something mounted into the proxy, read-only. */
export interface Mount {
  /** `volume` is one that the pod has already. */
  readonly kind: 'configMap' | 'secret' | 'volume';
  readonly name: string;
  readonly path: string;
}

/** The secret is derived for each workload from a key, or lies in a Secret of its namespace. */
export type HeaderSource =
  | { readonly kind: 'derived'; readonly key: string }
  | { readonly kind: 'secretRef'; readonly name: string; readonly key: string };

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
