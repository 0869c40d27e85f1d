import { relative } from 'node:path';
import type { InjectIo } from './io.ts';

/** A file of manifests, or what came on standard input. */
export interface Input {
  /** For messages. */
  readonly name: string;
  /** undefined for standard input. */
  readonly path: string | undefined;
  readonly text: string;
}

/** An input that could not be had, and why. */
export interface MissingInput {
  readonly name: string;
  readonly error: string;
}

/** Reads everything that is named: files, folders with everything below them, and `-` for standard input. */
export async function readInputs(
  names: readonly string[],
  io: InjectIo,
): Promise<readonly (Input | MissingInput)[]> {
  const inputs: (Input | MissingInput)[] = [];
  for (const name of names) {
    if (name === '-') {
      inputs.push(await attempt('stdin', undefined, () => io.readStdin()));
      continue;
    }
    const files = await listFiles(name, io);
    if ('error' in files) inputs.push(files);
    else for (const file of files) inputs.push(await attempt(file, file, () => io.readFile(file)));
  }
  return inputs;
}

async function listFiles(name: string, io: InjectIo): Promise<readonly string[] | MissingInput> {
  try {
    const files = await io.listFolder(name);
    if (files === undefined) return [name];
    const manifests = files.filter((file) => isManifest(relative(name, file)));
    if (manifests.length > 0) return manifests;
    return { name, error: 'there is no .yaml, .yml or .json file in this folder' };
  } catch (error) {
    return { name, error: describe(error) };
  }
}

async function attempt(
  name: string,
  path: string | undefined,
  read: () => Promise<string>,
): Promise<Input | MissingInput> {
  try {
    return { name, path, text: await read() };
  } catch (error) {
    return { name, error: describe(error) };
  }
}

/** By its name below the folder: hidden files and folders are not meant, nor what configures kustomize. */
function isManifest(relativePath: string): boolean {
  if (/(?:^|[/\\])\.[^/\\]/.test(relativePath)) return false;
  return (
    /\.(?:ya?ml|json)$/i.test(relativePath) &&
    !/(?:^|[/\\])kustomization\.ya?ml$/.test(relativePath)
  );
}

function describe(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
      return 'there is no such file or folder';
    case 'EACCES':
    case 'EPERM':
      return 'it may not be read; check its permissions';
    default:
      return `it cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}
