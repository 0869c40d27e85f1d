import { readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Script } from 'node:vm';

/** A bundle that has been compiled and not yet run. */
export interface CompiledBundle {
  /** Runs the bundle and returns its exports. */
  run(): unknown;
  /** V8's code for every function that has run by now. */
  createCodeCache(): Buffer;
}

/**
 * Compiles a CommonJS bundle, from `<file>.cache` if that fits: it saves about a third of the time to the
 * first token. V8 refuses a cache made by another version, for another processor or with flags that
 * matter, and a missing one is as good; then the source is compiled as usual.
 */
export function compile(file: string): CompiledBundle {
  const script = new Script(Module.wrap(readFileSync(file, 'utf8')), {
    filename: file,
    cachedData: readIfPresent(`${file}.cache`),
  });
  return {
    run() {
      const module = { exports: {} };
      script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
      return module.exports;
    },
    createCodeCache: () => script.createCachedData(),
  };
}

function readIfPresent(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}
