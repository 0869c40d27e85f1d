/** Writes deploy/seccomp/proxy.json from the traced system calls: part of `npm run docs`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderProfile, toProfile } from './profile.ts';

/** The records of the last `npm run seccomp`, with strace and under qemu. */
export const tracedFiles = {
  x64: join(import.meta.dirname, 'traced-calls.json'),
  arm64: join(import.meta.dirname, 'traced-calls-arm64.json'),
} as const;
export const profileFile = join(import.meta.dirname, '../../deploy/seccomp/proxy.json');

export interface TracedCalls {
  /** Version of the traced Node. */
  readonly node: string;
  readonly calls: readonly string[];
}

export function readTraced(processor: keyof typeof tracedFiles = 'x64'): TracedCalls {
  return JSON.parse(readFileSync(tracedFiles[processor], 'utf8'));
}

export function writeProfile(): void {
  writeFileSync(profileFile, renderProfile(toProfile(readTraced().calls)));
}

if (import.meta.main) writeProfile();
