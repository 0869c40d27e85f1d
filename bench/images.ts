/**
 * Measures the layers of both images and writes them into docs/benchmarks.md. Needs Docker Engine, which the
 * other measures do not: `npm run bench` keeps that section.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { applySection } from '../build/docs.ts';
import { buildImage } from '../test/support/docker-images.ts';
import { measureLayers } from './measures/image-layers.ts';
import { layersSection, renderLayers } from './report/layers.ts';

const file = 'docs/benchmarks.md';
const path = join(import.meta.dirname, '..', file);

const tags = { proxy: await buildImage('proxy'), init: await buildImage('init') };
const layers = await measureLayers(tags);
const render = (): string => renderLayers(layers, process.arch, new Date());
const document = await readFile(path, 'utf8');
await writeFile(path, applySection(document, { file, name: layersSection, render }));
