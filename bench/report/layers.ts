import { renderTable } from '../../build/markdown-table.ts';
import type { ImageName, Layer } from '../measures/image-layers.ts';

/** Name of the section in the markers of docs/benchmarks.md. */
export const layersSection = 'layers';

const begin = `<!-- begin generated: ${layersSection} -->`;
const end = `<!-- end generated: ${layersSection} -->`;

const shownNames: Readonly<Record<ImageName, string>> = { proxy: '`proxy`', init: '`proxy-init`' };

const columns = ['unpackedBytes', 'gzipBytes', 'zstdBytes'] as const;

/** The section's text. */
export function renderLayers(layers: readonly Layer[], architecture: string, now: Date): string {
  const rows = layers.map((layer) => [
    layer.content,
    layer.images.map((name) => shownNames[name]).join(', '),
    ...columns.map((column) => inBytes(layer[column])),
  ]);
  const names = Object.keys(shownNames) as ImageName[];
  const sums = names.map((name) => {
    const own = layers.filter(({ images }) => images.includes(name));
    return [
      `**all of ${shownNames[name]}**`,
      '',
      ...columns.map((column) => inBytes(own.reduce((sum, layer) => sum + layer[column], 0))),
    ];
  });
  return [
    `In bytes, of ${architecture}, measured by \`npm run bench:images\` on ${now.toISOString().slice(0, 10)}:`,
    'the tar archive of each layer as it is, as gzip at level 6 and as zstd at level 19. A node of a cluster',
    'pulls and keeps the first once for both images.',
    '',
    renderTable(['Layer', 'Image', 'Unpacked', 'gzip', 'zstd'], [...rows, ...sums]),
  ].join('\n');
}

/** The section with its markers and its text from the document; nothing if it was empty. */
export function keepLayers(document: string): string {
  const text = document.split(begin)[1]?.split(end)[0]?.trim() ?? '';
  return `${begin}\n\n${text}\n\n${end}`;
}

function inBytes(bytes: number): string {
  return bytes.toLocaleString('en-US');
}
