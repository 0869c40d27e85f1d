import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { imageFlags, runInjectOn } from '../../support/inject.ts';
import { findTypeFaults } from '../../support/kubernetes-types.ts';

const root = join(import.meta.dirname, '../../fixtures/inject');
const cases = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

describe.each(cases)('%s', (name) => {
  const input = readFileSync(join(root, name, 'input.yaml'), 'utf8');
  const flags = readFileSync(join(root, name, 'args.txt'), 'utf8')
    .split('\n')
    .filter(Boolean);
  const inject = (text: string) =>
    runInjectOn('inject', [...imageFlags, ...flags], { stdin: text });

  it('is injected as recorded', async () => {
    const { exitCode, stdout, stderr } = await inject(input);
    expect(stderr).not.toContain('error');
    expect(exitCode).toBe(0);
    await expect(stdout).toMatchFileSnapshot(join(root, name, 'output.yaml'));
    await expect(stderr).toMatchFileSnapshot(join(root, name, 'report.txt'));
  });

  it('comes out as objects that the Kubernetes API has', async () => {
    const { stdout } = await inject(input);
    for (const document of parseAllDocuments(stdout, { merge: true })) {
      const object = document.toJS();
      if (object === null || String(object.apiVersion).includes('volcano')) continue;
      expect(findTypeFaults(object)).toEqual([]);
    }
  });

  it('comes out the same when it is injected again', async () => {
    const { stdout: once } = await inject(input);
    const { stdout: twice, stderr } = await inject(once);
    expect(twice).toBe(once);
    expect(stderr).toMatch(/\n0 changed, /);
  });

  it('is restored byte for byte', async () => {
    const { stdout: injected } = await inject(input);
    const { stdout, exitCode } = await runInjectOn('uninject', [], { stdin: injected });
    expect(exitCode).toBe(0);
    // What upstream's containers were is not kept.
    if (name.startsWith('upstream-'))
      expect(stdout).not.toMatch(/azwi-proxy|workload-identity\/proxy/);
    else expect(stdout).toBe(input);
  });
});
