import { execFileSync } from 'node:child_process';
import type Dockerode from 'dockerode';
import { type ContainerRuntimeClient, getContainerRuntimeClient } from 'testcontainers';
import { ownerLabels } from './docker-owner.ts';
import { describeUnless } from './skip.ts';

/** How a command in a container ended. */
export interface Executed {
  readonly exitCode: number;
  readonly output: string;
}

/** A container that the test has started. */
export interface Container {
  readonly id: string;
  readonly name: string;
  exec(command: readonly string[], user?: string): Promise<Executed>;
  logs(): Promise<string>;
  inspect(): Promise<Dockerode.ContainerInspectInfo>;
  /** The paths that differ from the image, but for the folders that mounts need. */
  changes(): Promise<readonly string[]>;
  /** Resolves with the exit code. */
  ended(): Promise<number>;
  /** As the kubelet stops a container: SIGTERM, and SIGKILL after the grace period. */
  stop(): Promise<void>;
  remove(): Promise<void>;
}

/** Why there can be no containers here; undefined if there can. */
function findObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'the containers share a network namespace of Linux';
  try {
    execFileSync('docker', ['info'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'no Docker Engine answers; as root on Debian, .ci/docker/up starts one';
  }
}

const obstacle = findObstacle();

/** A `describe` for tests with real containers; skipped without Docker Engine, except in CI. */
export const describeWithDocker = (name: string, tests: () => void): void =>
  describeUnless(obstacle, name, tests);

let connection: Promise<ContainerRuntimeClient> | undefined;

export function connect(): Promise<ContainerRuntimeClient> {
  connection ??= getContainerRuntimeClient();
  return connection;
}

/** Creates and starts a container. */
export async function startContainer(
  name: string,
  options: Dockerode.ContainerCreateOptions,
): Promise<Container> {
  const { container: client } = await connect();
  const container = await client.dockerode.createContainer({ ...options, Labels: ownerLabels });
  const handle: Container = {
    id: container.id,
    name,
    async exec(command, user) {
      const options = user === undefined ? {} : { user };
      const { exitCode, output } = await client.exec(container, [...command], options);
      return { exitCode, output };
    },
    async logs() {
      return demultiplex(await container.logs({ stdout: true, stderr: true, follow: false }));
    },
    inspect: () => container.inspect(),
    async changes() {
      // An answer of `null` comes as the bytes that it was.
      const answer: unknown = await container.changes();
      const changes = Buffer.isBuffer(answer) ? JSON.parse(answer.toString('utf8')) : answer;
      const { Mounts } = await container.inspect();
      return ((changes ?? []) as readonly { readonly Path: string }[])
        .map(({ Path }) => Path)
        .filter((path) => !Mounts.some(({ Destination }) => Destination.startsWith(path)));
    },
    async ended() {
      const { StatusCode } = await container.wait();
      return StatusCode;
    },
    async stop() {
      await container.stop({ t: 30 });
    },
    async remove() {
      await container.remove({ force: true, v: true });
    },
  };
  try {
    await container.start();
    return handle;
  } catch (error) {
    await handle.remove();
    throw error;
  }
}

/** The text of a log whose chunks have eight bytes before them: the stream, three zeros, the length. */
function demultiplex(bytes: Buffer): string {
  const chunks: Buffer[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const length = bytes.readUInt32BE(offset + 4);
    chunks.push(bytes.subarray(offset + 8, offset + 8 + length));
    offset += 8 + length;
  }
  return Buffer.concat(chunks).toString('utf8');
}
