/** Writes deploy/seccomp/proxy.json from the traced system calls: part of `npm run docs`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderProfile, toProfile } from './profile.ts';

/** The record of the last `npm run seccomp`. */
export const tracedFile = join(import.meta.dirname, 'traced-calls.json');
export const profileFile = join(import.meta.dirname, '../../deploy/seccomp/proxy.json');

export function readTraced(): { readonly node: string; readonly calls: readonly string[] } {
  return JSON.parse(readFileSync(tracedFile, 'utf8'));
}

export function writeProfile(): void {
  writeFileSync(profileFile, renderProfile(toProfile(readTraced().calls)));
}

if (import.meta.main) writeProfile();
