import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { lastOf, scanArguments } from '../inject/arguments.ts';
import { isComplete, resolveOptions } from '../shared/options.ts';
import { formatOptions } from '../shared/options-help.ts';
import {
  describeReadFault,
  MAX_SETTING_FILE_BYTES,
  readSmallFile,
  toErrorCode,
} from '../shared/small-file.ts';
import { createLineWriter, writeStderr } from '../shared/stderr.ts';
import {
  discoveryPath,
  formatDiscovery,
  formatKeySet,
  keySetPath,
  toDocumentUrl,
} from './documents.ts';
import { documentOptions } from './options.ts';
import { KeyError, type PublicJwk, readPublicKeys } from './public-key.ts';

const usage = 'Usage: proxy issuer documents --issuer <url> --public-key <file>...';

/**
 * `proxy issuer`. Whoever dispatches commands imports this only when it is asked for.
 * @param argv what follows the name of the command.
 * @returns the exit code: 0 written; 1 a key or the folder is at fault; 2 malformed command line.
 */
export async function runIssuer(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || /^--?h(?:elp)?$/.test(name)) {
    createLineWriter(1)(formatHelp());
    return name === undefined ? 2 : 0;
  }
  if (name !== 'documents') {
    return rejectUsage([`unknown command ${JSON.stringify(name)}; the only one is documents`]);
  }
  return writeDocuments(rest);
}

async function writeDocuments(argv: readonly string[]): Promise<number> {
  const scan = scanArguments(documentOptions, argv);
  if (scan.kind === 'help') {
    createLineWriter(1)(formatHelp());
    return 0;
  }
  if (scan.kind === 'usage') return rejectUsage([scan.error]);
  const [extra] = scan.files;
  if (extra !== undefined) {
    return rejectUsage([`${JSON.stringify(extra)} belongs to no flag; pass keys as --public-key`]);
  }
  const resolution = resolveOptions(documentOptions, lastOf(scan.texts), {});
  if (!isComplete(resolution)) return rejectUsage(resolution.errors);
  const { issuer, keySetUrl = toDocumentUrl(issuer, keySetPath), output } = resolution.values;

  const keys: PublicJwk[] = [];
  for (const file of scan.texts.get('publicKey') ?? []) {
    const found = await readKeys(file);
    if (typeof found === 'string') return fail(found);
    keys.push(...found);
  }
  const documents = [
    [discoveryPath, formatDiscovery(issuer, keySetUrl), toDocumentUrl(issuer, discoveryPath)],
    [keySetPath, formatKeySet(keys), keySetUrl],
  ] as const;
  for (const [path, text, url] of documents) {
    const file = join(output, path);
    try {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    } catch (error) {
      return fail(`${file}: cannot be written: ${toErrorCode(error)}; pass another --output`);
    }
    createLineWriter(1)(`${file}  upload it to ${url}\n`);
  }
  for (const { kid } of keys) createLineWriter(1)(`key ${kid}\n`);
  return 0;
}

/** @returns the keys, or a message. */
async function readKeys(file: string): Promise<readonly PublicJwk[] | string> {
  let text: string;
  try {
    text = await readSmallFile(file, MAX_SETTING_FILE_BYTES);
  } catch (error) {
    return `${file}: ${describeReadFault(error, MAX_SETTING_FILE_BYTES)}; pass the file of --service-account-key-file`;
  }
  try {
    return readPublicKeys(text);
  } catch (error) {
    if (error instanceof KeyError) return `${file}: ${error.message}`;
    throw error;
  }
}

function fail(message: string): number {
  writeStderr(`proxy issuer: ${message}\n`);
  return 1;
}

function rejectUsage(errors: readonly string[]): number {
  for (const error of errors) writeStderr(`proxy issuer: ${error}\n`);
  writeStderr(`\n${usage}\n\nproxy issuer --help explains it.\n`);
  return 2;
}

function formatHelp(): string {
  return `${usage}

Writes the two public documents by which Entra verifies the tokens of a self-managed cluster: the
discovery document and the key set, as the API server would serve them. Upload them to where the
issuer points, and check the result: proxy doctor --issuer <url>. No private key is needed.
Exit code 0: written; 1: a key or the folder is at fault; 2: malformed command line.

${formatOptions(documentOptions)}
`;
}
