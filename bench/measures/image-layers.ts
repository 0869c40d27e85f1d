import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { constants, createGzip, createZstdCompress } from 'node:zlib';
import { temporaryDirectory } from '../harness/temporary-directory.ts';

/** What the Dockerfiles copy into each image, in their order. */
const contents = {
  proxy: [
    'Node, the C and C++ libraries, CA certificates, licences',
    'the proxy’s bundles and code caches',
  ],
  init: [
    'Node, the C and C++ libraries, CA certificates, licences',
    'iptables, nft, ip, their libraries',
    'the init’s bundle',
  ],
} as const;

export type ImageName = keyof typeof contents;

export interface Layer {
  readonly content: string;
  /** The images that have it. */
  readonly images: readonly ImageName[];
  /** Of the layer's tar archive. */
  readonly unpackedBytes: number;
  readonly gzipBytes: number;
  readonly zstdBytes: number;
}

/**
 * Measures the layers of images that Docker Engine has, one that both have once.
 * @throws if an image has other layers than its Dockerfile copies
 */
export async function measureLayers(
  tags: Readonly<Record<ImageName, string>>,
): Promise<readonly Layer[]> {
  await using directory = await temporaryDirectory(tmpdir());
  const archive = join(directory.path, 'images.tar');
  const names = Object.keys(contents) as ImageName[];
  const execute = promisify(execFile);
  await execute('docker', ['save', `--output=${archive}`, ...names.map((name) => tags[name])]);
  await execute('tar', ['--extract', `--file=${archive}`, `--directory=${directory.path}`]);
  const manifest = JSON.parse(await readFile(join(directory.path, 'manifest.json'), 'utf8')) as {
    readonly RepoTags: readonly string[];
    readonly Layers: readonly string[];
  }[];

  const found = names.flatMap((name) => {
    const paths = manifest.find(({ RepoTags }) => RepoTags.includes(tags[name]))?.Layers ?? [];
    if (paths.length !== contents[name].length) {
      throw new Error(`${tags[name]} has ${paths.length} layers, not ${contents[name].length}`);
    }
    return paths.map((path, index) => ({ name, path, content: contents[name][index] ?? '' }));
  });
  const layers: Layer[] = [];
  for (const [path, same] of Map.groupBy(found, (each) => each.path)) {
    const file = join(directory.path, path);
    layers.push({
      content: same[0]?.content ?? '',
      images: same.map(({ name }) => name),
      unpackedBytes: await countBytes(file),
      gzipBytes: await countBytes(file, createGzip({ level: 6 })),
      zstdBytes: await countBytes(
        file,
        createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 19 } }),
      ),
    });
  }
  return layers;
}

async function countBytes(
  file: string,
  ...compressors: readonly NodeJS.ReadWriteStream[]
): Promise<number> {
  let bytes = 0;
  const counter = new Writable({
    write(chunk: Buffer, _, done) {
      bytes += chunk.length;
      done();
    },
  });
  await pipeline([createReadStream(file), ...compressors, counter]);
  return bytes;
}
