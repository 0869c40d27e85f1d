import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const script = join(import.meta.dirname, '../../../.ci/kubernetes/check');
const programs = ['kube-apiserver', 'kube-controller-manager', 'kubelet', 'kubectl'];

function check(folder: string): Promise<string> {
  return new Promise((resolve) => {
    const env = { ...process.env, KUBERNETES_BIN: folder };
    execFile(script, { env, timeout: 30_000 }, (_, __, stderr) => resolve(stderr));
  });
}

describe('KUBERNETES_BIN of npm run test:k8s', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imds proxy binaries '));
    for (const name of programs) await writeFile(join(folder, name), '', { mode: 0o755 });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('must be a folder', async () => {
    expect(await check(join(folder, 'nowhere'))).toContain(
      `KUBERNETES_BIN: ${folder}/nowhere is not a folder; name the folder that holds kube-apiserver`,
    );
  });

  it.each(programs)('must hold %s', async (name) => {
    await chmod(join(folder, name), 0o644);
    expect(await check(folder)).toContain(
      `KUBERNETES_BIN: no executable ${name} in ${folder}; put it there`,
    );
    await chmod(join(folder, name), 0o755);
  });

  it('a folder with all of them is accepted', async () => {
    expect(await check(folder)).not.toContain('KUBERNETES_BIN');
  });
});
