/**
 * The steps of .github/workflows/release.yaml. dry-run.ts takes the same ones with a registry on 127.0.0.1.
 *
 *   main.ts check --tag=v1.2.3
 *       fails unless the tag, package.json and CHANGELOG.md agree, before anything is pushed
 *   main.ts build --registry=R --source=URL --platform=linux/arm64 [--digests=FOLDER]
 *       builds both images for one platform, pushes them without a tag, and prints their digests
 *   main.ts publish --registry=R --source=URL --tag=v1.2.3 --digests=FOLDER --outdir=FOLDER
 *       scans the images of all platforms, tags and signs them, and writes the files of the release
 */
import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildImages, type Digests } from './build-images.ts';
import { publish } from './publish.ts';
import { assertCommitted, readRelease, toBuildArguments } from './release.ts';
import { createKeylessSigner } from './sign.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    registry: { type: 'string' },
    source: { type: 'string' },
    platform: { type: 'string' },
    tag: { type: 'string' },
    digests: { type: 'string' },
    outdir: { type: 'string' },
  },
});
const buildx = ['docker', 'buildx'];

/** @throws if the flag is not there. */
function need(name: keyof typeof values): string {
  const value = values[name];
  if (value === undefined || value === '')
    throw new Error(`--${name} is missing; see ${import.meta.filename}`);
  // Names in a registry are in lower case, whatever the name of the owner is.
  return name === 'registry' ? value.toLowerCase() : value;
}

async function build(): Promise<void> {
  assertCommitted();
  const [registry, platform] = [need('registry'), need('platform')];
  const args = toBuildArguments(await readRelease(), need('source'));
  const built = await buildImages({ buildx, registry, platform, arguments: args, cache: false });
  console.log(JSON.stringify(built, undefined, 2));
  if (values.digests === undefined) return;
  await mkdir(values.digests, { recursive: true });
  const file = join(values.digests, `${platform.replaceAll('/', '-')}.json`);
  await writeFile(file, JSON.stringify({ [platform]: built }));
}

async function publishAll(): Promise<void> {
  const [folder, outdir] = [need('digests'), need('outdir')];
  const files = (await readdir(folder)).sort();
  const parts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  const built: Record<string, Digests> = Object.assign(
    {},
    ...parts.map((text) => JSON.parse(text)),
  );
  await mkdir(outdir, { recursive: true });
  const outputs = await publish({
    release: await readRelease(need('tag')),
    registry: need('registry'),
    source: need('source'),
    buildx,
    helm: ['helm'],
    signer: createKeylessSigner('cosign'),
    built,
    outdir,
  });
  const lines = Object.entries(outputs).map(([name, value]) => `${name}=${value}\n`);
  console.log(lines.join(''));
  const { GITHUB_OUTPUT: file } = process.env;
  if (file !== undefined) await appendFile(file, lines.join(''));
}

const commands: Readonly<Record<string, () => Promise<unknown>>> = {
  check: () => readRelease(need('tag')),
  build,
  publish: publishAll,
};
const command = commands[positionals.join(' ')];
if (command === undefined) {
  throw new Error(
    `${positionals.join(' ') || 'no command'}: not one of ${Object.keys(commands).join(', ')}`,
  );
}
await command();
