import type { Metafile } from 'esbuild';

/** The npm packages whose code is in the outputs of a build, sorted. */
export function listBundledPackages({ outputs }: Metafile): readonly string[] {
  const paths = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) =>
      bytesInOutput > 0 ? [path] : [],
    ),
  );
  return [...new Set(paths.flatMap((path) => toPackage(path) ?? []))].sort();
}

/** The package that a bundled file belongs to. */
function toPackage(path: string): string | undefined {
  return /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
}
