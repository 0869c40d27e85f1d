/** Run by code-cache.ts in the Node that the cache is for, in the folder of the bundle: `node write-code-cache.ts <name>`. */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { compile } from '../src/shared/compile-cached.ts';

/**
 * Parts of V8 that leave traces in a cache of how fast the machine was: which functions a compiler had in hand, and
 * which ones were dropped as unused. All are on by default.
 */
const dependOnTime = ['sparkplug', 'maglev', 'turbofan', 'flush-bytecode'];

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: write-code-cache.ts <bundle>');
for (const flag of dependOnTime) setFlagsFromString(`--no-${flag}`);
// No timer fires: on a slow machine it would, before the warm-up ends, and V8 would compile more than on a fast one.
const { setTimeout } = globalThis;
const never = 2 ** 31 - 1;
globalThis.setTimeout = ((callback: () => void) =>
  setTimeout(callback, never)) as typeof setTimeout;

const bundle = compile(file, createRequire(resolve(file)));
const { warmUp } = bundle.run() as { readonly warmUp: () => Promise<void> };
await warmUp();
// V8 refuses a cache that was taken under other flags.
for (const flag of dependOnTime) setFlagsFromString(`--${flag}`);
writeFileSync(`${file}.cache`, bundle.createCodeCache());
// A server that was warmed up would continue to listen.
process.exit();
