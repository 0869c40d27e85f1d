/** What a cause is about; where nothing is wrong, the report says so. */
export type Area = 'injection' | 'identity' | 'redirect' | 'token' | 'status' | 'versions';

/** Why managed identity fails, or will fail, in the pods of the input. */
export type Cause = keyof typeof causes;

export interface CauseRow {
  readonly area: Area;
  /** `warn` for what works and still deserves a look. */
  readonly status: 'fail' | 'warn';
  /** Stands before the pods if they differ in the details. */
  readonly title: string;
  /** Page of the documentation. */
  readonly docs: string;
  /** Where one of these is true of a pod, this one only follows from it. */
  readonly follows?: readonly string[];
}

const install = 'docs/kubernetes.md';
const redirect = 'docs/redirect.md';
const trouble = 'docs/troubleshooting.md';

/** Causes that leave a pod without a proxy, whatever else is right. */
const unsupported = ['host-network', 'windows', 'virtual-node'] as const;
const noProxy = [...unsupported, 'label-missing', 'namespace-excluded', 'webhook-absent'] as const;
const badToken = ['token-missing', 'token-skipped', 'token-not-mounted', 'token-path'] as const;

/**
 * Every cause that is found in files, the more basic ones first. Of two that concern as many pods, the first one
 * here comes first in the report.
 */
export const causes = {
  'host-network': {
    area: 'injection',

    status: 'fail',
    title: 'hostNetwork is true',
    docs: `${redirect}#failures`,
  },
  windows: {
    area: 'injection',
    status: 'fail',
    title: 'The pods run on Windows',
    docs: 'docs/support-matrix.md',
  },
  'virtual-node': {
    area: 'injection',

    status: 'fail',
    title: 'The pods run on virtual nodes',
    docs: 'docs/support-matrix.md',
  },
  'pod-security': {
    area: 'injection',

    status: 'fail',
    title: 'Pod Security refuses the pods',
    docs: `${install}#around-the-pod`,
  },
  'webhook-refuses': {
    area: 'injection',

    status: 'fail',
    title: 'The webhook refuses the pods',
    docs: install,
    follows: unsupported,
  },
  'webhook-down': {
    area: 'injection',
    status: 'fail',
    title: 'The webhook does not answer',
    docs: install,
  },
  'admission-refuses': {
    area: 'injection',
    status: 'fail',
    title: 'A policy refuses the pods',
    docs: install,
  },
  'quota-refuses': {
    area: 'injection',
    status: 'fail',
    title: 'A quota refuses the pods',
    docs: 'docs/sizing.md',
  },
  'service-account-missing': {
    area: 'identity',

    status: 'fail',
    title: 'The ServiceAccount does not exist',
    docs: install,
  },
  'request-unclear': {
    area: 'injection',
    status: 'fail',
    title: 'The annotation is neither "true" nor "false"',
    docs: 'docs/inject.md',
    follows: unsupported,
  },
  'label-missing': {
    area: 'injection',

    status: 'fail',
    title: 'The label of the webhook is missing',
    docs: install,
    follows: unsupported,
  },
  'namespace-excluded': {
    area: 'injection',

    status: 'fail',
    title: 'The webhook leaves out the namespace',
    docs: install,
    follows: [...unsupported, 'label-missing'],
  },
  'annotation-not-honoured': {
    area: 'injection',

    status: 'fail',
    title: 'The webhook does not know the annotation',
    docs: install,
    follows: [...unsupported, 'label-missing'],
  },
  'webhook-absent': {
    area: 'injection',

    status: 'fail',
    title: 'No webhook changed the pods',
    docs: install,
    follows: [...unsupported, 'label-missing', 'namespace-excluded'],
  },
  'proxy-not-injected': {
    area: 'injection',

    status: 'fail',
    title: 'The webhook gave the pods a token and no proxy',
    docs: install,
    follows: [...noProxy, 'annotation-not-honoured'],
  },
  'client-id-missing': {
    area: 'identity',

    status: 'fail',
    title: 'There is no client ID',
    docs: 'docs/errors.md#codes',
  },
  'client-id-form': {
    area: 'identity',

    status: 'fail',
    title: 'The client ID is not a client ID',
    docs: `${trouble}#700016-7000112`,
    follows: ['client-id-missing'],
  },
  'object-id': {
    area: 'identity',

    status: 'fail',
    title: 'An object ID stands in place of the client ID',
    docs: `${trouble}#700016-7000112`,
  },
  'client-id-old': {
    area: 'identity',

    status: 'fail',
    title: 'The pods are older than the annotation of their ServiceAccount',
    docs: install,
    follows: ['client-id-form', 'object-id'],
  },
  'tenant-missing': {
    area: 'identity',
    status: 'fail',
    title: 'There is no tenant',
    docs: trouble,
  },
  'tenant-form': {
    area: 'identity',

    status: 'fail',
    title: 'The tenant is not a tenant',
    docs: `${trouble}#90002-900023-90038-900382-900432`,
  },
  'two-proxies': {
    area: 'redirect',
    status: 'fail',
    title: 'The pods have two proxies',
    docs: 'docs/upgrade.md',
  },
  'proxy-missing': {
    area: 'redirect',

    status: 'fail',
    title: 'The redirect leads to a proxy that is not there',
    docs: install,
  },
  'redirect-missing': {
    area: 'redirect',
    status: 'fail',
    title: 'Nothing redirects to the proxy',
    docs: redirect,
  },
  'no-net-admin': {
    area: 'redirect',

    status: 'fail',
    title: 'proxy-init may not write rules',
    docs: `${redirect}#security-context`,
    follows: unsupported,
  },
  'port-mismatch': {
    area: 'redirect',

    status: 'fail',
    title: 'The redirect leads to another port than the proxy has',
    docs: `${redirect}#settings`,
  },
  'port-form': {
    area: 'redirect',
    status: 'fail',
    title: 'The port of the proxy is not a port',
    docs: install,
  },
  'proxy-port-taken': {
    area: 'redirect',

    status: 'fail',
    title: "Another container has the proxy's port",
    docs: 'docs/configuration.md',
  },
  'admin-port-taken': {
    area: 'redirect',

    status: 'fail',
    title: "Another container has the proxy's admin port",
    docs: 'docs/configuration.md',
  },
  'sidecar-not-native': {
    area: 'redirect',

    status: 'fail',
    title: 'The proxy is an ordinary init container',
    docs: 'docs/inject.md#native-and-classic-sidecars',
  },
  'job-never-ends': {
    area: 'redirect',

    status: 'fail',
    title: 'The Job never completes beside a classic sidecar',
    docs: 'docs/inject.md#native-and-classic-sidecars',
  },
  'proxy-as-root': {
    area: 'redirect',

    status: 'fail',
    title: 'The pod makes the proxy run as root',
    docs: install,
  },
  'app-as-proxy-user': {
    area: 'redirect',

    status: 'fail',
    title: 'The application runs as the user of the proxy',
    docs: `${redirect}#who-is-exempt`,
  },
  'proxy-user': {
    area: 'redirect',

    status: 'fail',
    title: 'The proxy runs as a user whom the redirect catches',
    docs: `${redirect}#who-is-exempt`,
    follows: ['proxy-as-root', 'app-as-proxy-user'],
  },
  'token-skipped': {
    area: 'token',

    status: 'fail',
    title: 'The webhook is told to leave out the proxy',
    docs: install,
  },
  'token-missing': {
    area: 'token',

    status: 'fail',
    title: 'The proxy has no federated token',
    docs: `${trouble}#the-serviceaccount-token`,
    follows: ['token-skipped', ...noProxy],
  },
  'token-of-api-server': {
    area: 'token',

    status: 'fail',
    title: "The federated token is the API server's",
    docs: `${trouble}#the-serviceaccount-token`,
  },
  'token-not-mounted': {
    area: 'token',

    status: 'fail',
    title: "The federated token is not mounted into the proxy's container",
    docs: `${trouble}#the-serviceaccount-token`,
  },
  'token-path': {
    area: 'token',

    status: 'fail',
    title: 'The federated token is in another file',
    docs: `${trouble}#the-serviceaccount-token`,
  },
  'token-not-renewed': {
    area: 'token',

    status: 'fail',
    title: 'Nobody renews the federated token',
    docs: `${trouble}#the-serviceaccount-token`,
  },
  'token-audience': {
    area: 'token',

    status: 'fail',
    title: 'The federated token is for another audience',
    docs: `${trouble}#70021-700211-700212-700213-7002138-70025`,
  },
  'two-authorities': {
    area: 'token',
    status: 'fail',
    title: 'The token proxy has two CAs',
    docs: 'docs/identity-binding.md',
  },
  'token-life': {
    area: 'token',

    status: 'fail',
    title: 'The federated token lives longer than Entra allows',
    docs: `${trouble}#700024-70023`,
  },
  'token-unreadable': {
    area: 'token',

    status: 'fail',
    title: 'The user of the proxy may not read the federated token',
    docs: `${trouble}#the-serviceaccount-token`,
  },
  'token-mount-fails': {
    area: 'token',

    status: 'fail',
    title: 'The kubelet cannot mount the federated token',
    docs: `${trouble}#the-serviceaccount-token`,
    follows: ['service-account-missing'],
  },
  'memory-limit': {
    area: 'status',

    status: 'fail',
    title: 'The memory limit of the proxy is below the minimum',
    docs: 'docs/sizing.md',
  },
  'image-pull': {
    area: 'status',
    status: 'fail',
    title: 'An image cannot be pulled',
    docs: 'docs/images.md',
  },
  'container-refused': {
    area: 'status',

    status: 'fail',
    title: 'The kubelet cannot start a container',
    docs: install,
    follows: ['proxy-as-root'],
  },
  'init-failed': {
    area: 'status',

    status: 'fail',
    title: 'proxy-init fails',
    docs: `${redirect}#failures`,
    follows: [...unsupported, 'no-net-admin', 'two-proxies'],
  },
  'proxy-oom': {
    area: 'status',

    status: 'fail',
    title: 'The proxy ran out of memory',
    docs: 'docs/sizing.md',
    follows: ['memory-limit'],
  },
  'proxy-ends': {
    area: 'status',

    status: 'fail',
    title: 'The proxy ends',
    docs: `${trouble}#by-exit-code`,
    follows: [
      'tenant-missing',
      'tenant-form',
      'two-authorities',
      'proxy-port-taken',
      'two-proxies',
      'port-form',
    ],
  },
  'proxy-killed': {
    area: 'status',

    status: 'fail',
    title: 'The proxy is killed',
    docs: `${trouble}#by-exit-code`,
    follows: ['admin-port-taken', 'memory-limit', 'two-proxies'],
  },
  'entra-refuses': {
    area: 'status',

    status: 'fail',
    title: 'Entra refuses the exchange',
    docs: `${trouble}#by-aadsts-number`,
    follows: ['client-id-missing', 'client-id-form', 'object-id', 'token-audience', ...badToken],
  },
  'proxy-not-ready': {
    area: 'status',

    status: 'fail',
    title: 'The proxy is not ready',
    docs: trouble,
    follows: [
      'init-failed',
      'image-pull',
      'container-refused',
      'proxy-oom',
      'proxy-ends',
      'proxy-killed',
      'token-mount-fails',
      ...badToken,
      'token-of-api-server',
      'token-unreadable',
      'token-audience',
    ],
  },
  'not-scheduled': {
    area: 'status',
    status: 'warn',
    title: 'The pods have no node',
    docs: install,
  },
  'label-without-annotation': {
    area: 'injection',

    status: 'warn',
    title: 'The pods have the label of the webhook and ask for no proxy',
    docs: install,
  },
  'account-without-label': {
    area: 'injection',

    status: 'warn',
    title: 'The ServiceAccount has an identity, and the pods have no label',
    docs: install,
  },
  'opt-out-ignored': {
    area: 'injection',
    status: 'warn',
    title: 'The webhook injected a proxy that the pods refuse',
    docs: 'docs/inject.md',
  },
  'client-id-differs': {
    area: 'identity',

    status: 'warn',
    title: 'Pod and ServiceAccount name different client IDs',
    docs: install,
    follows: ['client-id-form', 'object-id', 'client-id-old'],
  },
  'init-order': {
    area: 'redirect',

    status: 'warn',
    title: 'Init containers run before the redirect',
    docs: `${install}#the-webhook-injects-these-images`,
  },
  'init-before-proxy': {
    area: 'redirect',

    status: 'warn',
    title: 'Init containers run before the proxy',
    docs: 'docs/inject.md#native-and-classic-sidecars',
  },
  'proxy-restarted': {
    area: 'status',
    status: 'warn',
    title: 'The proxy was restarted',
    docs: trouble,
  },
  'upstream-proxy': {
    area: 'versions',

    status: 'warn',
    title: "The pods run azure-workload-identity's own proxy",
    docs: 'docs/get-started/upstream-proxy.md',
  },
  'pod-versions': {
    area: 'versions',

    status: 'warn',
    title: 'Proxy and proxy-init are of different versions',
    docs: 'docs/upgrade.md',
  },
  'fleet-versions': {
    area: 'versions',

    status: 'warn',
    title: 'The pods run different versions of the proxy',
    docs: 'docs/upgrade.md',
  },
} as const satisfies Record<string, CauseRow>;

/** The order of the table. */
export const causeOrder = Object.keys(causes) as readonly Cause[];

/** One cause that is true of one pod. */
export interface Finding {
  readonly cause: Cause;
  /** What is wrong, with names, but without the pod's: pods with the same detail are one line. */
  readonly detail: string;
  /** What to do: a sentence, or commands. Never harmful as it stands. */
  readonly fix: string;
}

export function rowOf(cause: Cause): CauseRow {
  return causes[cause];
}
