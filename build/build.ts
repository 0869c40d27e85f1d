/**
 * Bundles every program into dist/. CommonJS, because importing node:http from an ES module loads Node's
 * whole web platform (70 % more start-up time and 5 MB). Each file has its own copy of its imports, so
 * no instance of a class may cross from one to another.
 *
 * The bundles are written beside the folder and replace it when they are complete: programs that run, and
 * another build at the same time, never meet half of them.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from './bundle.ts';
import { writeCodeCache } from './code-cache.ts';
import { renderLauncher, renderShebang } from './executable.ts';

const root = join(import.meta.dirname, '..');

const { values } = parseArgs({
  options: {
    /** Where the bundles go. */
    outdir: { type: 'string', default: join(root, 'dist') },
    /** The Node binary that the executables run with. */
    node: { type: 'string', default: process.execPath },
    /** Executables for an image: without a shell, with the flags of Dockerfile.proxy. */
    image: { type: 'boolean', default: false },
    /** A file for the names of the npm packages in each bundle, which the SBOM lists (build/sbom.ts). */
    packages: { type: 'string' },
  },
});

const { node } = values;
const outdir = resolve(values.outdir);

/** A signal would start the debugger, and whoever reaches its port could read every token. */
const noDebugger = '--disable-sigusr1';

/** Programs that are run directly: the execute bit, no extension. */
const executables: Readonly<
  Record<string, { entry: string; flags?: string[]; env?: Record<string, string> }>
> = {
  // The same heap and allocator settings as in Dockerfile.proxy.
  proxy: {
    entry: 'src/proxy/main.ts',
    flags: ['--max-semi-space-size=1', '--max-old-space-size=40'],
    env: { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' },
  },
  'proxy-init': { entry: 'src/init/main.ts' },
  emulator: { entry: 'src/emulator/main.ts' },
};

/** Modules that another program of ours compiles from a V8 code cache. */
const cached = {
  'proxy-exchange.js': 'src/proxy/entra/bundle.ts',
  'proxy-start.js': 'src/proxy/start.ts',
};

await mkdir(dirname(outdir), { recursive: true });
// Before the folder exists, or a signal just after would leave it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(1));
}
const building = mkdtempSync(join(dirname(outdir), `.${basename(outdir)}-`));
process.once('exit', () => rmSync(building, { recursive: true, force: true }));

await chmod(building, 0o755);
// Without this, Node takes a file without extension for an ES module, as the project's package.json says.
await writeFile(join(building, 'package.json'), '{"type":"commonjs"}\n');
const packages: Record<string, readonly string[]> = {};
for (const [name, { entry, flags = [], env }] of Object.entries(executables)) {
  Object.assign(packages, await bundle({ name, entry, outdir: building }));
  const file = join(building, name);
  const head = values.image
    ? renderShebang({ node, flags: [noDebugger] })
    : renderLauncher({ node, flags: [noDebugger, ...flags], ...(env && { env }) });
  await writeFile(file, `${head}${await readFile(file, 'utf8')}`);
  await chmod(file, 0o755);
}
for (const [name, entry] of Object.entries(cached)) {
  Object.assign(packages, await bundle({ name, entry, outdir: building, asFunction: true }));
  writeCodeCache(node, join(building, name));
}
await replace(outdir, building);
if (values.packages !== undefined) await writeFile(values.packages, JSON.stringify(packages));

/** Puts a complete folder in the place of another one. Of two builds at once, the later one stays. */
async function replace(folder: string, complete: string): Promise<void> {
  for (;;) {
    try {
      await rename(complete, folder);
      return;
    } catch (error) {
      // Only an empty folder can be replaced.
      if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? ''))
        throw error;
    }
    const old = mkdtempSync(`${complete}-`);
    // Fails when another build has just taken it away, which is as good.
    await rename(folder, join(old, 'old')).catch(() => {});
    await rm(old, { recursive: true, force: true });
  }
}
