/**
 * Bundles every program into dist/. CommonJS, because importing node:http from an ES module loads Node's
 * whole web platform (70 % more start-up time and 5 MB); one file per dynamic import, because code that
 * is in the file is paid for even when it never runs. Each file has its own copy of what it imports, so
 * no instance of a class may cross from one to another.
 */
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from './bundle.ts';
import { writeCodeCache } from './code-cache.ts';

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

/** Modules that another program of ours compiles from a V8 code cache. */
const cached = {
  'proxy-start.js': 'src/proxy/start.ts',
  'proxy-exchange.js': 'src/proxy/entra/bundle.ts',
};

await rm(options.outdir, { recursive: true, force: true });
await mkdir(options.outdir, { recursive: true });
// Without this, Node takes a file without extension for an ES module, as the project's package.json says.
await writeFile(join(options.outdir, 'package.json'), '{"type":"commonjs"}\n');

for (const [name, entry] of Object.entries(executables)) {
  await bundle({ name, entry, outdir: options.outdir });
  const file = join(options.outdir, name);
  await writeFile(file, `#!${options.node}\n${await readFile(file, 'utf8')}`);
  await chmod(file, 0o755);
}
for (const [name, entry] of Object.entries(cached)) {
  await bundle({ name, entry, outdir: options.outdir });
  writeCodeCache(options.node, join(options.outdir, name));
}
