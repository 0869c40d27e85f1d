import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { V1Volume } from '@kubernetes/client-node';
import type { IdentityInput } from '../../src/emulator/entra-tenant/identity.ts';
import { type Container, connect, startContainer } from './docker.ts';
import { buildImages, extendImage, type Images, removeImage } from './docker-images.ts';
import { ownerLabels } from './docker-owner.ts';
import { type AskEmulator, createAsk } from './emulator-admin.ts';

/** What a cluster has around its pods: images, a network, Entra, and the volumes of their tokens. */
export interface Tenant {
  /** `proxy` trusts the tenant's CA beside the public ones, as an image of a company trusts its own. */
  readonly images: Images;
  readonly network: string;
  /** What `ip route add` takes for its address, if it has one, to lead to it from a pod. */
  readonly route?: string;
  /** Makes the folder that a pod has as this projected volume, as the kubelet makes it. */
  toFolder(volume: V1Volume): Promise<string>;
  readonly ask: AskEmulator;
  remove(): Promise<void>;
}

export interface TenantOptions {
  readonly tenantId: string;
  readonly identities: readonly IdentityInput[];
  /** Names that lead to the tenant, and that its certificate is for. The first is its own. */
  readonly names: readonly string[];
  /** An address of choice that it has as well, known in its own network only. */
  readonly address?: string;
}

const audiences = ['api://AzureADTokenExchange', 'api://AKSIdentityBinding'];

/** Starts a tenant that containers reach under the names of the real one. */
export async function startTenant(options: TenantOptions): Promise<Tenant> {
  const images = await buildImages();
  const directory = await mkdtemp(join(tmpdir(), 'imds-proxy-tenant-'));
  const cleanUps = [(): Promise<void> => rm(directory, { recursive: true, force: true })];
  const remove = async (): Promise<void> => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
  };
  try {
    const network = await createNetwork(directory);
    cleanUps.push(() => network.remove());
    const state = join(directory, 'state');
    await mkdir(state);
    const [name = 'localhost'] = options.names;
    const emulator = await startContainer('emulator', {
      Image: images.emulator,
      // Writes into the state folder and listens on 443.
      User: '0:0',
      Cmd: [
        `--public-name=${name}`,
        ...options.names.map((each) => `--name=${each}`),
        ...(options.address === undefined ? [] : [`--name=${options.address}`]),
        '--tenant-port=443',
        '--admin-host=0.0.0.0',
        '--admin-port=8080',
        `--tenant-id=${options.tenantId}`,
      ],
      ExposedPorts: { '8080/tcp': {} },
      HostConfig: {
        Binds: [`${state}:/state`],
        PortBindings: { '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] },
      },
      NetworkingConfig: {
        EndpointsConfig: { [network.name]: { Aliases: [...options.names] } },
      },
    });
    cleanUps.push(() => emulator.remove());
    const { NetworkSettings } = await emulator.inspect();
    const { address } = options;
    if (address !== undefined) await addAddress(emulator, address, images);
    const port = NetworkSettings.Ports['8080/tcp']?.[0]?.HostPort;
    const adminUrl = `http://127.0.0.1:${port}`;
    const ask = createAsk(adminUrl);
    await untilReady(ask, () => emulator.logs());
    for (const identity of options.identities) await ask('POST', '/identities', identity);

    const files = await readFiles(state, ask);
    const tag = `${images.proxy}-${network.name}`;
    await extendImage(tag, images.proxy, {
      context: state,
      file: 'ca.crt',
      variable: 'NODE_EXTRA_CA_CERTS',
    });
    cleanUps.push(() => removeImage(tag));
    return {
      images: { ...images, proxy: tag },
      network: network.name,
      ...(address === undefined
        ? {}
        : { route: `${address} via ${NetworkSettings.Networks[network.name]?.IPAddress}` }),
      toFolder: (volume) => writeVolume(directory, volume, files),
      ask,
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function createNetwork(
  directory: string,
): Promise<{ readonly name: string; remove(): Promise<void> }> {
  const { container } = await connect();
  const name = directory.replace(/^.*-tenant-/, 'imds-proxy-').toLowerCase();
  const network = await container.dockerode.createNetwork({
    Name: name,
    Labels: ownerLabels,
  });
  return {
    name,
    async remove() {
      await network.remove();
    },
  };
}

/**
 * Gives a container an address that is not of its network. A network with this address could exist only
 * once on a machine, and two runs side by side would collide.
 */
async function addAddress(container: Container, address: string, images: Images): Promise<void> {
  const command = ['ip', 'address', 'add', `${address}/32`, 'dev', 'lo'];
  const helper = await startContainer('address', {
    Image: images.pause,
    Cmd: command,
    HostConfig: { NetworkMode: `container:${container.id}`, CapAdd: ['NET_ADMIN'] },
  });
  try {
    const exitCode = await helper.ended();
    if (exitCode !== 0) throw new Error(`${command.join(' ')}: ${await helper.logs()}`);
  } finally {
    await helper.remove();
  }
}

/** The ready line is the emulator's promise; Docker has only its log to read it from. */
async function untilReady(ask: AskEmulator, logs: () => Promise<string>): Promise<void> {
  for (let attempt = 0; attempt < 150; attempt += 1) {
    try {
      await ask('GET', '/');
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error(`the emulator did not become ready:\n${await logs()}`);
}

/** What volumes are made of. */
interface ProjectedFiles {
  /** By audience. */
  readonly tokens: ReadonlyMap<string, string>;
  readonly ca: string;
}

async function readFiles(state: string, ask: AskEmulator): Promise<ProjectedFiles> {
  const tokens = new Map<string, string>();
  for (const audience of audiences) {
    await ask('PUT', '/token-file', { audiences: [audience] });
    tokens.set(audience, await readFile(join(state, 'token/azure-identity-token'), 'utf8'));
  }
  return { tokens, ca: await readFile(join(state, 'ca.crt'), 'utf8') };
}

async function writeVolume(
  directory: string,
  { name, projected }: V1Volume,
  { tokens, ca }: ProjectedFiles,
): Promise<string> {
  const folder = await mkdtemp(join(directory, `${name}-`));
  // mkdtemp makes folders for their owner alone.
  await chmod(folder, 0o755);
  const write = async (path: string, text: string): Promise<void> => {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { mode: 0o644 });
  };
  for (const { serviceAccountToken, configMap } of projected?.sources ?? []) {
    if (serviceAccountToken !== undefined) {
      const token = tokens.get(serviceAccountToken.audience ?? '');
      if (token === undefined) throw new Error(`no token for ${serviceAccountToken.audience}`);
      await write(serviceAccountToken.path, token);
    }
    for (const { path } of configMap?.items ?? []) await write(path, ca);
  }
  return folder;
}
