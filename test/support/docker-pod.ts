import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1Container, V1Pod, V1PodSpec, V1SecurityContext } from '@kubernetes/client-node';
import type Dockerode from 'dockerode';
import { MIN_MEMORY_LIMIT_BYTES } from '../../src/proxy/process/memory.ts';
import { type Container, connect, startContainer } from './docker.ts';
import { toPrivileged } from './docker-privileged.ts';
import type { Tenant } from './docker-tenant.ts';

/** A pod made of containers as the kubelet makes it. */
export interface Pod {
  /** @throws if the pod has, or by now has started, none of this name */
  container(name: string): Container;
  /** Stops the containers as the kubelet does: native sidecars last, in reverse order. */
  stop(): Promise<void>;
  remove(): Promise<void>;
}

/** A container that did not start, or an init container that failed, with its output. */
export class PodFailure extends Error {
  override readonly name = 'PodFailure';
}

export interface PodOptions {
  /** The image that an image reference of the pod stands for. */
  readonly toImage: (reference: string, container: string) => string;
  /** The arguments of a container whose image is a stand-in, instead of its own. */
  readonly toCommand?: (container: string) => readonly string[] | undefined;
  /** Variables that a container has beside those of the pod. */
  readonly env?: (container: string) => Readonly<Record<string, string>>;
}

/** Does something with a pod, which is removed afterwards. */
export async function withPod(
  pod: V1Pod,
  tenant: Tenant,
  options: PodOptions,
  act: (pod: Pod) => Promise<void>,
): Promise<void> {
  const started = await startPod(pod, tenant, options);
  try {
    await act(started);
  } finally {
    await started.remove();
  }
}

/**
 * Starts the containers of a pod in the kubelet's order: each init container to its end, or, if it is a
 * native sidecar, until its postStart hook or startup probe has succeeded; then the others.
 * @throws PodFailure
 */
async function startPod(pod: V1Pod, tenant: Tenant, options: PodOptions): Promise<Pod> {
  const { spec } = pod;
  if (spec === undefined) throw new Error('a pod without spec');
  const containers: Container[] = [];
  const handle: Pod = {
    container(name) {
      const found = containers.find((each) => each.name === name);
      if (found === undefined) throw new Error(`no container ${name} has been started`);
      return found;
    },
    async stop() {
      const sidecars = (spec.initContainers ?? []).filter(isNativeSidecar).map(({ name }) => name);
      await Promise.all(spec.containers.map(({ name }) => handle.container(name).stop()));
      for (const name of sidecars.reverse()) await handle.container(name).stop();
    },
    async remove() {
      for (const container of containers.splice(0).reverse()) await container.remove();
    },
  };

  const start = async (container: V1Container): Promise<Container> => {
    const started = await startContainer(
      container.name,
      await toDockerOptions(container, spec, tenant, options, handle.container('pause').id),
    );
    containers.push(started);
    return started;
  };
  const startServing = async (container: V1Container): Promise<void> => {
    const started = await start(container);
    // Either keeps the kubelet from starting the next container.
    const gate = container.lifecycle?.postStart?.exec ?? container.startupProbe?.exec;
    if (gate?.command === undefined) return;
    const { exitCode, output } = await started.exec(gate.command).catch(toFailedExec);
    if (exitCode === 0) return;
    throw new PodFailure(
      `start of ${container.name}: ${exitCode} ${output}\n${await started.logs()}`,
    );
  };

  try {
    containers.push(await startPause(tenant));
    for (const container of spec.initContainers ?? []) {
      if (isNativeSidecar(container)) {
        await startServing(container);
        continue;
      }
      const started = await start(container);
      const exitCode = await started.ended();
      if (exitCode !== 0) {
        throw new PodFailure(`${container.name}: exit ${exitCode}\n${await started.logs()}`);
      }
    }
    for (const container of spec.containers) await startServing(container);
    return handle;
  } catch (error) {
    await handle.remove();
    throw error;
  }
}

/** The container that holds the network namespace, where the node's metadata service answers as well. */
async function startPause(tenant: Tenant): Promise<Container> {
  const pause = await startContainer('pause', {
    Image: tenant.images.pause,
    ...(tenant.route === undefined ? {} : { Env: [`ROUTE=${tenant.route}`] }),
    HostConfig: { NetworkMode: tenant.network, CapAdd: ['NET_ADMIN'] },
  });
  const deadlineAt = Date.now() + 30_000;
  for (;;) {
    const log = await pause.logs();
    if (log.includes('ready')) return pause;
    const { State } = await pause.inspect();
    if (State.Running && Date.now() < deadlineAt) continue;
    await pause.remove();
    throw new Error(`pause: ${log}`);
  }
}

async function toDockerOptions(
  container: V1Container,
  spec: V1PodSpec,
  tenant: Tenant,
  options: PodOptions,
  pauseId: string,
): Promise<Dockerode.ContainerCreateOptions> {
  const { name, securityContext = {} } = container;
  const image = options.toImage(container.image ?? '', name);
  const user = toUser(container, spec);
  await assertNonRoot(container, spec, image, user);
  const variables = [
    ...(container.env ?? []).map(({ name, value = '' }) => [name, value]),
    ...Object.entries(options.env?.(name) ?? {}),
  ];
  const command = options.toCommand?.(name) ?? container.args;
  const memoryBytes = toMemoryBytes(container);
  return {
    Image: image,
    Env: variables.map(([key, value]) => `${key}=${value}`),
    ...(container.command === undefined ? {} : { Entrypoint: [...container.command] }),
    ...(command === undefined ? {} : { Cmd: [...command] }),
    ...(user === undefined ? {} : { User: user }),
    HostConfig: {
      NetworkMode: `container:${pauseId}`,
      Binds: await Promise.all(
        (container.volumeMounts ?? []).map(async (mount) => {
          const volume = spec.volumes?.find((each) => each.name === mount.name);
          if (volume === undefined) throw new Error(`no volume ${mount.name}`);
          const folder = await tenant.toFolder(volume);
          return `${folder}:${mount.mountPath}:${mount.readOnly ? 'ro' : 'rw'}`;
        }),
      ),
      ReadonlyRootfs: securityContext.readOnlyRootFilesystem ?? false,
      GroupAdd:
        spec.securityContext?.fsGroup === undefined ? [] : [`${spec.securityContext.fsGroup}`],
      ...(memoryBytes === undefined ? {} : { Memory: memoryBytes, MemorySwap: memoryBytes }),
      ...(securityContext.privileged
        ? await toPrivileged()
        : {
            CapAdd: [...(securityContext.capabilities?.add ?? [])],
            CapDrop: [...(securityContext.capabilities?.drop ?? [])],
            SecurityOpt: [
              ...(securityContext.allowPrivilegeEscalation === false ? ['no-new-privileges'] : []),
              ...toSeccompOption(securityContext),
            ],
          }),
      // The kubelet restarts what ends by itself; this engine waits 0.1 s before it does.
      ...(isRestarted(container, spec) ? { RestartPolicy: { Name: 'always' } } : {}),
    },
  };
}

/** A profile of the node is a file of deploy/ here. */
function toSeccompOption({ seccompProfile }: V1SecurityContext): readonly string[] {
  if (seccompProfile?.type !== 'Localhost') return [];
  const file = join(import.meta.dirname, '../../deploy', seccompProfile.localhostProfile ?? '');
  return [`seccomp=${readFileSync(file, 'utf8')}`];
}

function isRestarted(container: V1Container, spec: V1PodSpec): boolean {
  if (spec.initContainers?.includes(container)) return isNativeSidecar(container);
  return (spec.restartPolicy ?? 'Always') === 'Always';
}

/** The limit of the container; a proxy without one gets the smallest that is supported. */
function toMemoryBytes({ image = '', resources }: V1Container): number | undefined {
  const limit = resources?.limits?.['memory'];
  if (limit === undefined) return image.includes('/proxy:') ? MIN_MEMORY_LIMIT_BYTES : undefined;
  const [, mebibytes] = /^(\d+)Mi$/.exec(limit) ?? [];
  if (mebibytes === undefined) throw new Error(`memory limit ${limit}: only Mi is known here`);
  return Number(mebibytes) * 1024 * 1024;
}

/** Settings of the container come before those of the pod; a user without group gets group 0. */
function toUser({ securityContext }: V1Container, spec: V1PodSpec): string | undefined {
  const user = securityContext?.runAsUser ?? spec.securityContext?.runAsUser;
  const group = securityContext?.runAsGroup ?? spec.securityContext?.runAsGroup;
  if (group === undefined) return user === undefined ? undefined : `${user}`;
  // The runtime takes the user of the image then.
  return `${user ?? 1501}:${group}`;
}

/** @throws PodFailure where the kubelet refuses with CreateContainerConfigError */
async function assertNonRoot(
  { name, securityContext }: V1Container,
  spec: V1PodSpec,
  image: string,
  user: string | undefined,
): Promise<void> {
  if ((securityContext?.runAsNonRoot ?? spec.securityContext?.runAsNonRoot) !== true) return;
  const { container } = await connect();
  const { Config } = await container.dockerode.getImage(image).inspect();
  const [uid = ''] = (user ?? Config.User).split(':');
  if (/^[1-9]\d*$/.test(uid)) return;
  throw new PodFailure(`${name}: CreateContainerConfigError: runAsNonRoot and user "${uid}"`);
}

function isNativeSidecar({ restartPolicy }: V1Container): boolean {
  return restartPolicy === 'Always';
}

/** An engine says by an error that the container has ended before its hook ran. */
function toFailedExec(error: unknown): { readonly exitCode: number; readonly output: string } {
  return { exitCode: -1, output: error instanceof Error ? error.message : String(error) };
}
