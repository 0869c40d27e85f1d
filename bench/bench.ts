/**
 * Measures the cost of the proxy against a bare `node:http` server, in one run, and writes
 * docs/benchmarks.md. It judges, but it never fails because an aim was missed.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { helpText, parseBenchOptions } from './counts.ts';
import { assertBuiltForThisNode } from './harness/proxy.ts';
import { assertTools, nodeOptions, openLab } from './lab.ts';
import { measures } from './measures.ts';
import { keepLayers } from './report/layers.ts';
import { machineFacts } from './report/machine.ts';
import { renderMarkdown } from './report/markdown.ts';
import type { Result } from './report/result.ts';

const file = join(import.meta.dirname, '../docs/benchmarks.md');
const names = Object.keys(measures);
const { counts, only, help } = parseBenchOptions(process.argv.slice(2), names);
if (help) {
  process.stdout.write(helpText(names));
  process.exit(0);
}

// Ends the started programs: exit listeners do not run when a signal ends the process by itself.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const say = (line: string): void => void process.stderr.write(`${line}\n`);
assertBuiltForThisNode();
assertTools();

// Read before the benchmark itself is the load.
const machine = machineFacts(nodeOptions);
const results: Result[] = [];
{
  await using lab = await openLab(counts, say);
  for (const [name, measure] of Object.entries(measures)) {
    if (only.length > 0 && !only.includes(name)) continue;
    const from = performance.now();
    results.push(...(await measure(lab)));
    say(`${name}: ${((performance.now() - from) / 1000).toFixed(0)} s`);
  }
  const report = renderMarkdown({
    command: 'npm run bench',
    date: new Date().toISOString().slice(0, 10),
    machine,
    results,
    layers: keepLayers(await readFile(file, 'utf8')),
  });
  if (only.length > 0) {
    process.stdout.write(report);
  } else {
    await writeFile(file, report);
    say('docs/benchmarks.md has been written');
  }
}
