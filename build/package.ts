/**
 * Writes the npm package of `inject`, `uninject` and `migrate` and packs it: one bundle without dependencies, so that
 * `npx` has nothing else to install, for every Node.js that npm supports. The package.json of the project is
 * that of its development, and private. Two runs for the same commit write the same bytes.
 * Usage: package.ts [--outdir FOLDER] [--repository URL]; prints the path of the archive.
 */
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { build } from 'esbuild';
import { listBundledPackages } from './bundled-packages.ts';
import { renderNotices } from './notices.ts';
import { buildStamp } from './stamp.ts';

const root = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    outdir: { type: 'string', default: join(root, 'dist') },
    /** Where the sources are published; a release names it, for npm's provenance. */
    repository: { type: 'string' },
  },
});

const { name, version, description, license, engines } = JSON.parse(
  await readFile(join(root, 'package.json'), 'utf8'),
) as Readonly<Record<string, string>>;

const readme = `# ${name}

Adds the proxy and its redirect to the pods in Kubernetes manifests, and removes them again.

    npx ${name} inject --proxy-image=… --init-image=… < manifests.yaml
    npx ${name} uninject < injected.yaml
    npx ${name} inject --help

Plans the way from AAD Pod Identity:

    kubectl get … -A -o yaml | npx ${name} migrate --issuer=… --tenant-id=…
    npx ${name} migrate --help

It contacts no cluster. The proxy itself comes as images, which this package does not contain.
`;

const folder = await mkdtemp(join(tmpdir(), 'imds-proxy-package-'));
try {
  const program = join(folder, 'inject.js');
  const { metafile } = await build({
    entryPoints: [join(root, 'src/npm/main.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    minify: true,
    legalComments: 'none',
    // A small young generation: the values of a document are garbage when the next one comes.
    banner: { js: '#!/usr/bin/env -S node --max-semi-space-size=4' },
    define: { __BUILD__: JSON.stringify(await buildStamp(root)) },
    absWorkingDir: root,
    metafile: true,
    logLevel: 'warning',
  });
  await chmod(program, 0o755);
  const bundled = new Set(listBundledPackages(metafile));
  await writeFile(
    join(folder, 'THIRD-PARTY-NOTICES'),
    await renderNotices((one) => bundled.has(one)),
  );
  await copyFile(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  await writeFile(join(folder, 'README.md'), readme);
  const { repository } = values;
  const manifest = {
    ...{ name, version, description, license, engines, bin: 'inject.js' },
    ...(repository !== undefined && { repository: { type: 'git', url: `git+${repository}.git` } }),
  };
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);

  await mkdir(values.outdir, { recursive: true });
  const outdir = resolve(values.outdir);
  const { stdout } = await promisify(execFile)(
    'npm',
    ['pack', '--silent', `--pack-destination=${outdir}`],
    { cwd: folder, timeout: 60_000 },
  );
  process.stdout.write(`${join(outdir, stdout.trim())}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
