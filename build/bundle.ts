import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { listBundledPackages } from './bundled-packages.ts';
import { buildStamp } from './stamp.ts';
import { trimDefine, trimLibraries } from './trim-libraries.ts';

const root = join(import.meta.dirname, '..');

export interface BundleOptions {
  /** File name of the bundle. */
  readonly name: string;
  /** The entry point, relative to the project. */
  readonly entry: string;
  readonly outdir: string;
  /** As the expression of a function, which src/shared/compile-cached.ts calls with the arguments of a CommonJS module. */
  readonly asFunction?: boolean;
  /** Run before those of every build. */
  readonly plugins?: readonly Plugin[];
}

/**
 * Writes one entry point as a CommonJS bundle, and every module that it imports dynamically as another
 * file beside it: code that is in a file is paid for even if it never runs.
 * @returns the npm packages in each file that it has written, by the name of the file.
 */
export async function bundle({
  name,
  entry,
  outdir,
  asFunction = false,
  plugins = [],
}: BundleOptions): Promise<Readonly<Record<string, readonly string[]>>> {
  const define = { __BUILD__: JSON.stringify(await buildStamp(root)), ...trimDefine };
  const pending = new Map([[name, entry]]);
  const packages: Record<string, readonly string[]> = {};
  for (const [file, source] of pending) {
    const { metafile, outputFiles } = await build({
      entryPoints: [join(root, source)],
      outfile: join(outdir, file),
      bundle: true,
      platform: 'node',
      format: 'cjs',
      ...(asFunction && file === name
        ? {
            banner: { js: '(function (exports, require, module, __filename, __dirname) {' },
            footer: { js: '})' },
          }
        : {}),
      target: 'node26',
      // The names alone are half a megabyte of an idle server.
      minify: true,
      legalComments: 'none',
      supported: { 'dynamic-import': false },
      define,
      // A map yields entries that are added while it is iterated, each file once.
      plugins: [...plugins, splitDynamicImports(pending), trimLibraries],
      metafile: true,
      logLevel: 'warning',
      // Its process could still write for a moment after ours has been ended.
      write: false,
    });
    for (const { path, contents } of outputFiles) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, contents);
    }
    packages[file] = listBundledPackages(metafile);
  }
  return packages;
}

/** Turns `import('./x.ts')` into a require of another file beside the bundle. */
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
