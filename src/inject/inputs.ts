import { basename, dirname, join, normalize } from 'node:path/posix';
import type { InjectIo } from './io.ts';
import { findFileRoles, kustomizationNames } from './kustomize.ts';
import { type Finding, failed, type Outcome, skipped, toFinding } from './report.ts';

/** A file of manifests, or standard input. */
export interface Input {
  /** For messages. */
  readonly name: string;
  /** undefined for standard input. */
  readonly path: string | undefined;
  readonly text: string;
  /** Found in a folder, not named by somebody. */
  readonly isFromFolder: boolean;
}

/** An input that is not filtered, and why. */
export interface Unread {
  readonly name: string;
  readonly finding: Finding;
}

/**
 * Reads everything that is named: files, folders with everything below them, and `-` for standard input.
 * @param defaults a file among them that holds settings, not manifests.
 */
export async function readInputs(
  names: readonly string[],
  io: InjectIo,
  defaults?: string,
): Promise<readonly (Input | Unread)[]> {
  const inputs: (Input | Unread)[] = [];
  const roles = createRoles(io);
  for (const name of names) {
    if (name === '-') {
      inputs.push(await attempt('stdin', undefined, false, () => io.readStdin()));
      continue;
    }
    for (const found of await listFiles(name, io, roles)) {
      if (typeof found !== 'string') {
        inputs.push(found);
        continue;
      }
      if (defaults !== undefined && normalize(found) === normalize(defaults)) continue;
      const role = await roles.find(found);
      const read = () => io.readFile(found);
      inputs.push(
        role === undefined
          ? await attempt(found, found, found !== name, read)
          : unread(found, skipped(`${role}, not an object; inject the result of kustomize build`)),
      );
    }
  }
  return inputs;
}

async function listFiles(
  name: string,
  io: InjectIo,
  roles: Roles,
): Promise<readonly (string | Unread)[]> {
  try {
    const folder = await io.listFolder(name);
    if (folder === undefined) return [name];
    for (const file of folder.files) {
      if (kustomizationNames.includes(basename(file))) await roles.learn(dirname(normalize(file)));
    }
    const isWanted = (file: string): boolean => isManifest(relativeTo(name, file));
    const manifests = folder.files.filter(isWanted);
    const outside = folder.outside
      .filter(isWanted)
      .map((file) =>
        unread(file, skipped('a link that leads out of the folder; name the file itself')),
      );
    if (manifests.length + outside.length > 0) return [...manifests, ...outside];
    return [
      unread(name, failed('there is no .yaml, .yml or .json file in this folder; name another')),
    ];
  } catch (error) {
    return [unread(name, failed(describe(error)))];
  }
}

/** What kustomizations take files for: those around a file, and all of a folder that is named. */
interface Roles {
  learn(folder: string): Promise<void>;
  find(file: string): Promise<string | undefined>;
}

/** How far up the kustomization that names a file is looked for. */
const levelsUp = 4;

function createRoles(io: InjectIo): Roles {
  const learnt = new Set<string>();
  const roles = new Map<string, string>();
  const learn = async (folder: string): Promise<void> => {
    if (learnt.has(folder)) return;
    learnt.add(folder);
    for (const name of kustomizationNames) {
      const path = join(folder, name);
      const text = await io.readSmallFile(path).catch(() => undefined);
      for (const [file, role] of findFileRoles(path, text ?? '')) roles.set(file, role);
    }
  };
  return {
    learn,
    async find(file) {
      const path = normalize(file);
      let folder = dirname(path);
      for (let level = 0; level < levelsUp && !roles.has(path); level += 1) {
        await learn(folder);
        folder = dirname(folder);
      }
      return roles.get(path);
    },
  };
}

async function attempt(
  name: string,
  path: string | undefined,
  isFromFolder: boolean,
  read: () => Promise<string>,
): Promise<Input | Unread> {
  try {
    return { name, path, text: await read(), isFromFolder };
  } catch (error) {
    return unread(name, failed(describe(error)));
  }
}

function unread(name: string, outcome: Outcome): Unread {
  return { name, finding: toFinding(outcome) };
}

/** By its name below the folder: hidden files and folders are not meant, nor what configures a tool. */
function isManifest(relativePath: string): boolean {
  if (/(?:^|[/\\])\.[^/\\]/.test(relativePath)) return false;
  return (
    /\.(?:ya?ml|json)$/i.test(relativePath) &&
    !/(?:^|[/\\])(?:kustomization\.ya?ml|package(?:-lock)?\.json|tsconfig\.json)$/.test(
      relativePath,
    )
  );
}

function relativeTo(folder: string, file: string): string {
  const prefix = normalize(`${folder}/`);
  const path = normalize(file);
  return path.startsWith(prefix) ? path.slice(prefix.length) : path;
}

export function describe(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
      return 'there is no such file or folder; check the path';
    case 'EACCES':
    case 'EPERM':
      return 'it may not be read; check its permissions';
    default:
      return `it cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}
