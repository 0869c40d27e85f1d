import { proxyGid, proxyUid } from '../../shared/redirect-contract.ts';
import {
  defaultAdminPort,
  initName,
  metricsPortName,
  proxyName,
  tokenVolume,
} from '../contract.ts';
import type { ValueMap } from '../manifest/value.ts';
import type { InjectSettings, Resources } from '../settings.ts';

export type Container = ValueMap & { readonly name: string };

/**
 * The container that redirects the pod's requests. It must run as root to hold the one capability that it
 * needs; everything else is taken from it.
 */
export function toInitContainer(
  settings: InjectSettings,
  initImage: string,
  proxyPort: number,
): Container {
  const env = new Map([
    ['PROXY_PORT', `${proxyPort}`],
    // Nobody has to be let through to an address that the proxy never goes to.
    ['INIT_EXEMPT', settings.passthrough === 'off' ? 'none' : 'uid+gid'],
    ...settings.initEnv,
  ]);
  return {
    name: initName,
    image: initImage,
    imagePullPolicy: 'IfNotPresent',
    env: toEnv(env),
    resources: toResources(settings.resources),
    securityContext: {
      runAsUser: 0,
      runAsGroup: 0,
      runAsNonRoot: false,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
  };
}

/**
 * The proxy. The user is set because a pod that sets another would make the redirect catch the proxy's own
 * requests (azure-workload-identity #1009).
 * @param variables those that name its identity, unless the webhook adds them, and App Service's secret.
 */
export function toProxyContainer(
  settings: InjectSettings,
  proxyPort: number,
  variables: ReadonlyMap<string, string>,
): Container {
  const { adminPort, passthrough, sidecar } = settings;
  const env = new Map(variables);
  if (passthrough !== 'instance') env.set('IMDS_PROXY_PASSTHROUGH', passthrough);
  if (adminPort !== defaultAdminPort) env.set('IMDS_PROXY_ADMIN_PORT', `${adminPort}`);
  for (const [name, value] of settings.proxyEnv) env.set(name, value);

  const probe: ValueMap = { exec: { command: ['/proxy', `--proxy-port=${proxyPort}`, '--probe'] } };
  return {
    name: proxyName,
    image: settings.proxyImage,
    imagePullPolicy: 'IfNotPresent',
    ...(sidecar === 'native' && { restartPolicy: 'Always' }),
    args: [`--proxy-port=${proxyPort}`, `--log-level=${settings.logLevel}`],
    ...(env.size > 0 && { env: toEnv(env) }),
    ...(adminPort !== 0 && { ports: [{ name: metricsPortName, containerPort: adminPort }] }),
    resources: toResources(settings.resources),
    securityContext: {
      runAsUser: proxyUid,
      runAsGroup: proxyGid,
      runAsNonRoot: true,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    // What the kubelet waits for before it starts the next container: the startup probe of an init
    // container, but the hook of an ordinary one. The probe itself polls for 10 s.
    ...(sidecar === 'native'
      ? { startupProbe: { ...probe, periodSeconds: 1, timeoutSeconds: 12, failureThreshold: 5 } }
      : { lifecycle: { postStart: probe } }),
    ...(adminPort !== 0 && {
      livenessProbe: {
        httpGet: { path: '/livez', port: adminPort },
        periodSeconds: 30,
        timeoutSeconds: 5,
        failureThreshold: 3,
      },
    }),
    ...(settings.credentials.kind === 'own' && { volumeMounts: [toTokenMount()] }),
  };
}

export function toTokenMount(): Container {
  return { name: tokenVolume.name, mountPath: tokenVolume.mountPath, readOnly: true };
}

export function toEnv(variables: ReadonlyMap<string, string>): readonly Container[] {
  return [...variables].map(([name, value]) => ({ name, value }));
}

function toResources(resources: Resources): ValueMap {
  const { cpuRequest, memoryRequest, cpuLimit, memoryLimit } = resources;
  const requests = toQuantities(cpuRequest, memoryRequest);
  const limits = toQuantities(cpuLimit, memoryLimit);
  return { ...(requests && { requests }), ...(limits && { limits }) };
}

function toQuantities(cpu: string | undefined, memory: string | undefined): ValueMap | undefined {
  if (cpu === undefined && memory === undefined) return undefined;
  return { ...(cpu !== undefined && { cpu }), ...(memory !== undefined && { memory }) };
}
