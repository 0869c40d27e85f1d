import type { Plugin } from 'esbuild';

/** A module of a library that our use of it never calls, and what stands in for it. */
interface Stub {
  readonly module: RegExp;
  /** The library that asks for it; others get the real one. */
  readonly importer: RegExp;
  readonly contents: string;
}

const never = "throw new Error('left out of this bundle: see build/trim-libraries.ts')";

/**
 * What the exchange would carry without ever running it: 40 % of its code, 4 MB of its memory and a third
 * of the time to load it. Whatever is left out throws when it is touched, so that an update which begins to need it
 * fails the build's warm-up or the first exchange of the tests.
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
  // Log writers in other threads, and one with a buffer; ours is a destination of its own.
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

/** Leaves out of a bundle what the exchange never runs of MSAL and undici. */
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

/** Tells undici's parser chooser that it is being bundled, so that it keeps to the one parser we have. */
export const trimDefine = { esbuildDetection: 'true' };
