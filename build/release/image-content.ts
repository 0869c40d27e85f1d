import { run } from './run.ts';
import { type ImageConfig, type ImageFile, parseTarList } from './scan-image.ts';

/** What an image consists of. */
export interface ImageContent {
  readonly files: readonly ImageFile[];
  readonly config: ImageConfig;
  /** Reads a file by its path, without a slash before. */
  read(path: string): Promise<string>;
}

/**
 * Lets `use` look into an image of the local engine. Nothing of the image is run, so that it may be for another
 * processor.
 */
export async function withImage<T>(
  image: string,
  use: (content: ImageContent) => Promise<T>,
  { labels = [] }: { readonly labels?: readonly string[] } = {},
): Promise<T> {
  const label = labels.map((one) => `--label=${one}`);
  const id = await run(['docker', 'create', ...label, image]);
  const tar = (...args: readonly string[]): Promise<string> =>
    run(['bash', '-c', 'set -o pipefail; docker export "$0" | tar "$@"', id, ...args]);
  try {
    return await use({
      files: parseTarList(await tar('--list', '--verbose', '--numeric-owner')),
      config: JSON.parse(
        await run(['docker', 'image', 'inspect', '--format={{json .Config}}', image]),
      ) as ImageConfig,
      read: (path) => tar('--extract', '--to-stdout', path),
    });
  } finally {
    await run(['docker', 'rm', '--volumes', id]);
  }
}
