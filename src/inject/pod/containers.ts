import { proxyUid } from '../../shared/redirect-contract.ts';
import {
  caVolume,
  defaultAdminPort,
  initName,
  metricsPortName,
  proxyName,
  tokenVolume,
} from '../contract.ts';
import type { Value, ValueMap } from '../manifest/value.ts';
import type { InjectSettings, Mount, Resources } from '../settings.ts';

/**
 * The two containers, written once: `inject` adds them, and the kustomize component, the manual manifests,
 * the policies and the chart repeat. A test holds them equal (test/contract/deploy/containers.test.ts).
 */
export type Container = ValueMap & { readonly name: string };

/**
 * An expression in place of a value, for those who write a template of the containers and not the containers
 * themselves: build/policies. Strings may also hold one between other text.
 */
export type Expression = `$[${string}]`;

/** The settings that decide how the containers look. */
export type ContainerSettings = Omit<InjectSettings, 'adminPort'> & {
  readonly adminPort: number | Expression;
};

/** The value of a variable, or a reference to where it comes from. */
export type EnvValue =
  | string
  | { readonly secretKeyRef: { readonly name: string; readonly key: string } };
export type Env = ReadonlyMap<string, EnvValue>;

/** Facts of a pod that its proxy must follow. */
export interface PodFacts {
  readonly proxyPort: number | Expression;
  /** terminationGracePeriodSeconds, if the pod sets it. */
  readonly graceSeconds: number | undefined;
}

/**
 * The container that redirects the pod's requests. It must run as root to hold the one capability that it
 * needs; everything else is taken from it.
 */
export function toInitContainer(
  settings: ContainerSettings,
  initImage: string,
  { proxyPort }: PodFacts,
): Container {
  const { proxyUser, passthrough } = settings;
  const env = new Map<string, string>([
    ['PROXY_PORT', `${proxyPort}`],
    ['INIT_EXEMPT', toExemption(passthrough)],
  ]);
  if (proxyUser !== 'none' && proxyUser.uid !== proxyUid) {
    env.set('PROXY_UID', `${proxyUser.uid}`);
    env.set('PROXY_GID', `${proxyUser.gid}`);
  }
  for (const [name, value] of settings.initEnv) env.set(name, value);
  return {
    name: initName,
    image: initImage,
    imagePullPolicy: settings.pullPolicy,
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

/** Who bypasses the redirect. With pass-through off the proxy never connects to the address, so nobody need. */
export function toExemption(passthrough: InjectSettings['passthrough']): string {
  return passthrough === 'off' ? 'none' : 'uid+gid';
}

/**
 * The proxy. The user is set because a pod that sets another would make the redirect catch the proxy's own
 * requests (azure-workload-identity #1009).
 * @param variables those that name its identity, unless the webhook adds them, and App Service's secret.
 */
export function toProxyContainer(
  settings: ContainerSettings,
  { proxyPort, graceSeconds }: PodFacts,
  variables: Env,
): Container {
  const { adminPort, passthrough, sidecar, proxyUser, seccompProfile, caBundle, mounts } = settings;
  const env = new Map(variables);
  if (passthrough !== 'instance') env.set('IMDS_PROXY_PASSTHROUGH', passthrough);
  if (adminPort !== defaultAdminPort) env.set('IMDS_PROXY_ADMIN_PORT', `${adminPort}`);
  const deadline = sidecar === 'classic' ? toDrainDeadline(graceSeconds) : undefined;
  if (deadline !== undefined) env.set('IMDS_PROXY_DRAIN_DEADLINE', deadline);
  if (caBundle !== undefined) {
    env.set('NODE_EXTRA_CA_CERTS', `${caVolume.mountPath}/${caVolume.path}`);
  }
  for (const [name, value] of settings.proxyEnv) env.set(name, value);

  const volumeMounts = [
    ...(settings.credentials.kind === 'own' ? [toTokenMount()] : []),
    ...(caBundle === undefined
      ? []
      : [{ name: caVolume.name, mountPath: caVolume.mountPath, readOnly: true }]),
    ...mounts.map((mount) => ({
      name: toVolumeName(mount),
      mountPath: mount.path,
      readOnly: true,
    })),
  ];
  const probe: ValueMap = { exec: { command: ['/proxy', `--proxy-port=${proxyPort}`, '--probe'] } };
  return {
    name: proxyName,
    image: settings.proxyImage,
    imagePullPolicy: settings.pullPolicy,
    ...(sidecar === 'native' && { restartPolicy: 'Always' }),
    args: [`--proxy-port=${proxyPort}`, `--log-level=${settings.logLevel}`],
    ...(env.size > 0 && { env: toEnv(env) }),
    ...(adminPort !== 0 && { ports: [{ name: metricsPortName, containerPort: adminPort }] }),
    resources: toResources(settings.resources),
    securityContext: {
      ...(proxyUser !== 'none' && { runAsUser: proxyUser.uid, runAsGroup: proxyUser.gid }),
      runAsNonRoot: true,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile:
        seccompProfile === undefined
          ? { type: 'RuntimeDefault' }
          : { type: 'Localhost', localhostProfile: seccompProfile },
    },
    // The kubelet starts the next container after the startup probe of an init container, but after the
    // hook of an ordinary one. The probe itself polls for 10 s.
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
    ...(volumeMounts.length > 0 && { volumeMounts }),
  };
}

/** Volumes that the proxy's mounts need, besides its token. */
export function toProxyVolumes({
  caBundle,
  mounts,
}: Pick<InjectSettings, 'caBundle' | 'mounts'>): readonly Container[] {
  const ca = caBundle && {
    name: caVolume.name,
    ...toVolumeSource(caBundle.kind, caBundle.name, [{ key: caBundle.key, path: caVolume.path }]),
  };
  const others = mounts
    .filter(({ kind }) => kind !== 'volume')
    .map((mount) => ({
      name: toVolumeName(mount),
      ...toVolumeSource(mount.kind === 'secret' ? 'secret' : 'configMap', mount.name),
    }));
  return [...(ca === undefined ? [] : [ca]), ...others];
}

export function toTokenMount(): Container {
  return { name: tokenVolume.name, mountPath: tokenVolume.mountPath, readOnly: true };
}

export function toEnv(variables: Env): readonly Container[] {
  return [...variables].map(([name, value]) =>
    typeof value === 'string' ? { name, value } : { name, valueFrom: value },
  );
}

function toVolumeName({ kind, name }: Mount): string {
  if (kind === 'volume') return name;
  return `imds-proxy-${kind === 'secret' ? 'secret' : 'config'}-${name.replaceAll('.', '-')}`.slice(
    0,
    63,
  );
}

function toVolumeSource(kind: 'configMap' | 'secret', name: string, items?: Value): ValueMap {
  const more = items === undefined ? {} : { items };
  return kind === 'secret'
    ? { secret: { secretName: name, ...more } }
    : { configMap: { name, ...more } };
}

/**
 * A classic sidecar gets SIGTERM together with the application: it stays until shortly before the kubelet kills
 * both. Undefined where the proxy's own default is right, or there is no time at all.
 */
function toDrainDeadline(graceSeconds: number | undefined): string | undefined {
  if (graceSeconds === undefined || graceSeconds <= 0) return undefined;
  return `${graceSeconds > 10 ? graceSeconds - 5 : Math.max(1, Math.floor(graceSeconds / 2))}s`;
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
