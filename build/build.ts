/**
 * Bundles every program into dist/. CommonJS, because importing node:http from an ES module loads Node's
 * whole web platform (70 % more start-up time and 5 MB); one file per dynamic import, because code that
 * is in the file is paid for even when it never runs. Each file has its own copy of what it imports, so
 * no instance of a class may cross from one to another.
 */
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build, type Plugin } from 'esbuild';
import { writeCodeCache } from './code-cache.ts';
import { buildStamp } from './stamp.ts';
import { trimDefine, trimLibraries } from './trim-libraries.ts';

const root = join(import.meta.dirname, '..');

const { values } = parseArgs({
  options: {
    /** Where the bundles go. */
    outdir: { type: 'string', default: join(root, 'dist') },
    /** The Node binary that the executables name in their `#!` line. */
    node: { type: 'string', default: process.execPath },
  },
});

const options = { ...values, outdir: resolve(values.outdir) };

/** Programs that are run directly: a `#!` line, the execute bit, no extension. */
const executables = {
  proxy: 'src/proxy/main.ts',
  'proxy-init': 'src/init/main.ts',
  emulator: 'src/emulator/main.ts',
};

/** Scripts that another program of ours starts. */
const scripts = { 'exchanger.js': 'src/proxy/exchanger/main.ts' };

/** Modules that another program of ours compiles from a V8 code cache. */
const cached = {
  'proxy-start.js': 'src/proxy/start.ts',
  'exchanger-program.js': 'src/proxy/exchanger/program.ts',
};

await rm(options.outdir, { recursive: true, force: true });
await mkdir(options.outdir, { recursive: true });
// Without this, Node takes a file without extension for an ES module, as the project's package.json says.
await writeFile(join(options.outdir, 'package.json'), '{"type":"commonjs"}\n');

const define = { __BUILD__: JSON.stringify(await buildStamp(root)), ...trimDefine };

for (const [name, entry] of Object.entries(executables)) {
  await bundle(name, entry);
  const file = join(options.outdir, name);
  await writeFile(file, `#!${options.node}\n${await readFile(file, 'utf8')}`);
  await chmod(file, 0o755);
}
for (const [name, entry] of Object.entries(scripts)) await bundle(name, entry);
for (const [name, entry] of Object.entries(cached)) {
  await bundle(name, entry);
  writeCodeCache(options.node, join(options.outdir, name));
}

/** Writes one entry point, and then every module that it imports dynamically, as files of their own. */
async function bundle(name: string, entry: string, done = new Set<string>()): Promise<void> {
  done.add(name);
  const lazy = new Map<string, string>();
  await build({
    entryPoints: [join(root, entry)],
    outfile: join(options.outdir, name),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node26',
    // The names alone are half a megabyte of an idle server.
    minify: true,
    legalComments: 'none',
    supported: { 'dynamic-import': false },
    define,
    plugins: [splitDynamicImports(lazy), trimLibraries],
    logLevel: 'warning',
  });
  for (const [file, source] of lazy) {
    if (!done.has(file)) await bundle(file, source, done);
  }
}

/** Turns `import('./x.ts')` into a require of a file of its own beside the bundle. */
function splitDynamicImports(found: Map<string, string>): Plugin {
  return {
    name: 'split-dynamic-imports',
    setup(esbuild) {
      esbuild.onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
        if (kind !== 'dynamic-import') return null;
        const source = relative(root, join(resolveDir, path));
        const file = `${source
          .replace(/^src\//, '')
          .replace(/\.ts$/, '')
          .replaceAll('/', '-')}.js`;
        found.set(file, source);
        return { path: `./${file}`, external: true };
      });
    },
  };
}
