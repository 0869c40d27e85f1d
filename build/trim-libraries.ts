import type { Plugin } from 'esbuild';

/** A module of a library that the proxy never calls, and its replacement. */
interface Stub {
  readonly module: RegExp;
  /** The library that imports it. Others get the real module. */
  readonly importer: RegExp;
  readonly contents: string;
}

const never = "throw new Error('left out of this bundle: see build/trim-libraries.ts')";

/**
 * Code of MSAL, undici and pino that the proxy never runs: 40 % of the exchange's code, 4 MB of its memory
 * and a third of the time to load it. The replacements throw when they are used. If an update of a library
 * begins to need one, the build's warm-up or the first test of an exchange fails.
 */
const stubs: readonly Stub[] = [
  // Signs assertions with a certificate or a secret; ours come signed.
  {
    module: /^jsonwebtoken$/,
    importer: /msal-node/,
    contents: `export default { sign() { ${never} } }`,
  },
  // HTTP/2, which the transport does not offer.
  {
    module: /^\.\/client-h2\.js$/,
    importer: /undici/,
    contents: `module.exports = () => { ${never} }`,
  },
  // The types of fetch, for bodies that are forms or blobs.
  { module: /^\.\.\/web\/(fetch|webidl)/, importer: /undici/, contents: never },
  // The parser for processors without SIMD, which Node 26 has no build for.
  { module: /^\.\.\/llhttp\/llhttp-wasm\.js$/, importer: /undici/, contents: never },
  // Loads Node's own HTTP for a constant and a type that only `upgrade` needs.
  {
    module: /^node:http$/,
    importer: /undici/,
    contents: 'exports.maxHeaderSize = 16384; exports.IncomingMessage = class {}',
  },
  // Log writers in other threads, and one with a buffer; we have our own destination.
  {
    module: /^(\.\/(lib\/)?transport|sonic-boom|on-exit-leak-free)$/,
    importer: /\/pino\//,
    contents: `module.exports = function () { ${never} }`,
  },
  { module: /^worker_threads$/, importer: /\/pino\//, contents: 'exports.isMainThread = true' },
  // The host name, which our lines do not have.
  { module: /^node:os$/, importer: /\/pino\//, contents: "exports.hostname = () => ''" },
];

const namespace = 'left-out';

/** Leaves code out of a bundle that the proxy never runs. */
export const trimLibraries: Plugin = {
  name: 'trim-libraries',
  setup(esbuild) {
    for (const [index, { module, importer }] of stubs.entries()) {
      esbuild.onResolve({ filter: module }, (request) =>
        importer.test(request.importer) ? { path: String(index), namespace } : null,
      );
    }
    esbuild.onLoad({ filter: /./, namespace }, ({ path }) => ({
      contents: stubs[Number(path)]?.contents ?? never,
      loader: 'js',
    }));
  },
};

/** Tells undici that it is bundled. It then uses the one HTTP parser that the bundle contains. */
export const trimDefine = { esbuildDetection: 'true' };
