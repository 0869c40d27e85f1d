import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { undoAtExit } from './at-exit.ts';

export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
}

/** A new directory in `parent`, gone at the end of its scope or of the process, whichever comes first. */
export async function temporaryDirectory(parent: string): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(parent, 'imds-proxy-bench-'));
  const undone = undoAtExit(() => rmSync(path, { recursive: true, force: true }));
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true });
      undone();
    },
  };
}
