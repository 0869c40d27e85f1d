/** Run by code-cache.ts in the Node that the cache is for: `node write-code-cache.ts <bundle>`. */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { compile } from '../src/shared/compile-cached.ts';

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: write-code-cache.ts <bundle>');
const bundle = compile(file, createRequire(file));
const { warmUp } = bundle.run() as { readonly warmUp: () => Promise<void> };
await warmUp();
writeFileSync(`${file}.cache`, bundle.createCodeCache());
// A server that was warmed up would continue to listen.
process.exit();
