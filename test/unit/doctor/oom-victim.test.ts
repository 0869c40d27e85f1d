import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { volunteerForOomKill } from '../../../src/doctor/oom-victim.ts';

test('a system without such a file does not matter', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'doctor-oom-'));
  try {
    volunteerForOomKill(join(folder, 'score'));
    expect(await readFile(join(folder, 'score'), 'utf8')).toBe('1000');
    expect(() => volunteerForOomKill(join(folder, 'none/score'))).not.toThrow();
  } finally {
    await rm(folder, { recursive: true });
  }
});
