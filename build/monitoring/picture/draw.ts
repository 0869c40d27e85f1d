/**
 * Draws docs/dashboard.svg. It needs Prometheus (Debian's package `prometheus`) and takes five minutes, so that it is
 * not a part of `npm run docs`: run it when panels have changed.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fleetRow } from '../fleet-row.ts';
import { podRow } from '../pod-row.ts';
import { collectRows } from './data.ts';
import { drawDashboard } from './svg.ts';

const file = join(import.meta.dirname, '../../../docs/dashboard.svg');

await writeFile(file, drawDashboard(await collectRows([fleetRow, podRow]), Date.now()));
