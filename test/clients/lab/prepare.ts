import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isCi } from '../../support/ci.ts';
import { type Client, type EcosystemName, toEcosystemName } from './client.ts';
import { isOnThisMachine, runAll } from './commands.ts';
import { ecosystems } from './ecosystems.ts';
import { install } from './install.ts';

export type Prepared =
  | { readonly state: 'ready'; readonly command: readonly string[] }
  /** It cannot be had on this machine, which says nothing about the proxy. */
  | { readonly state: 'skipped'; readonly reason: string }
  /** It could be had, and is not: somebody has to look. */
  | { readonly state: 'failed'; readonly reason: string };

export interface PrepareDeps {
  install(client: Client): Promise<readonly string[]>;
  findMissingTool(name: EcosystemName): Promise<string | undefined>;
  isRegistryThere(name: EcosystemName): Promise<boolean>;
  readonly isCi: boolean;
}

const registryDeadlineMs = 120_000;

/**
 * Makes a client ready. Only a registry that does not answer, or off CI a tool that the machine has not, is a
 * reason to go without it.
 */
export async function prepare(
  client: Client,
  deps: PrepareDeps = { install, findMissingTool, isRegistryThere, isCi },
): Promise<Prepared> {
  const name = toEcosystemName(client);
  const missing = await deps.findMissingTool(name);
  if (missing !== undefined) {
    const reason = `${missing} is missing on this machine`;
    return { state: deps.isCi ? 'failed' : 'skipped', reason };
  }
  try {
    return { state: 'ready', command: await deps.install(client) };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return (await deps.isRegistryThere(name))
      ? { state: 'failed', reason: `not installed, though its registry answers: ${said}` }
      : { state: 'skipped', reason: `its registry does not answer: ${said}` };
  }
}

async function findMissingTool(name: EcosystemName): Promise<string | undefined> {
  for (const tool of ecosystems[name].tools) {
    if (!(await isOnThisMachine(tool))) return tool;
  }
  return undefined;
}

/** Whether the ecosystem's own tool gets a small answer from its registry, none of it from a cache. */
async function isRegistryThere(name: EcosystemName): Promise<boolean> {
  const directory = await mkdtemp(join(tmpdir(), 'clients-registry-'));
  try {
    await runAll(ecosystems[name].findRegistry, directory, registryDeadlineMs);
    return true;
  } catch {
    return false;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
