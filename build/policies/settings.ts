import { code, renderTable } from '../markdown-table.ts';
import { version } from '../version.ts';
import { resources } from './containers.ts';
import type { Variable } from './read-pod.ts';

/**
 * What a cluster sets: the first variables of the policies. The chart writes its values into them, others edit the
 * files. docs/injection-policy.md has the table.
 */
export interface PolicySetting extends Variable {
  readonly about: string;
}

const setting = (name: string, value: unknown, about: string): PolicySetting => ({
  name,
  expression: JSON.stringify(value),
  about,
});

export const swapSettings: readonly PolicySetting[] = [
  setting('proxyImage', `registry.example/imds-proxy/proxy:${version}`, 'Image of the proxy.'),
  setting(
    'initImage',
    `registry.example/imds-proxy/proxy-init:${version}`,
    'Image of the redirect.',
  ),
  setting('resources', resources, 'Resources of each of the two containers.'),
  setting('pullSecrets', [], 'Names of `imagePullSecrets` that each pod gets.'),
  setting(
    'seccompProfile',
    '',
    'Path of a seccomp profile for the proxy, below the seccomp folder of the kubelet on each node. Empty: `RuntimeDefault`.',
  ),
];

export const injectSettings: readonly PolicySetting[] = [
  ...swapSettings,
  setting('pullPolicy', 'IfNotPresent', '`imagePullPolicy` of both images.'),
  setting(
    'clientId',
    '',
    'Client ID for pods whose ServiceAccount and namespace name none. Empty: requests must name one.',
  ),
  setting(
    'tenantId',
    '',
    'Tenant for pods whose ServiceAccount and namespace name none. Empty: such pods are refused.',
  ),
  setting('authorityHost', '', '`AZURE_AUTHORITY_HOST`. Empty: the public cloud.'),
  setting('logLevel', 'info', 'Log level of the proxy.'),
  setting('passthrough', 'instance', '`off`, `instance` or `all`: `IMDS_PROXY_PASSTHROUGH`.'),
  setting('adminPort', 9808, 'Port of health and metrics, from 1 to 65535.'),
  setting('proxyEnv', [], 'More variables of the proxy: maps with `name` and `value`.'),
  setting(
    'caConfigMap',
    '',
    "ConfigMap of the pod's namespace with CA certificates under the key `ca.crt`. Empty: none.",
  ),
  setting(
    'tokenProxy',
    '',
    'URL of the token proxy for identity bindings. Empty: annotations for a binding are refused.',
  ),
  setting('tokenProxyServerName', '', 'Its TLS server name, if it is not the host of the URL.'),
  setting('tokenProxyCa', 'kube-root-ca.crt', 'ConfigMap with its CA under the key `ca.crt`.'),
];

/** The table of the settings for the documents. */
export function renderPolicySettings(): string {
  return renderTable(
    ['Variable', 'In the file', 'Meaning'],
    injectSettings.map(({ name, expression, about }) => [code(name), code(expression), about]),
  );
}
