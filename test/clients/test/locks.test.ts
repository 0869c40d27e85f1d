/** The lock files of the laboratory: a catalogue that has moved on without them would run something else. */
import { expect, test } from 'vitest';
import { clients } from '../lab/catalogue.ts';
import type { Client } from '../lab/client.ts';
import { readLock } from '../lab/lock.ts';

/** Name and exact version of what a client asks its registry for. */
function toWishes({ library, version, packages = [] }: Client): readonly [string, string][] {
  const others = packages.flatMap((text): [string, string][] => {
    const [, name, wished] = /^(.+?)(?:==|@v?|:(?=[\d.]+$))([\d.]+\w*)$/.exec(text) ?? [];
    return name === undefined || wished === undefined ? [] : [[name, wished]];
  });
  return [[library, version], ...others];
}

const toPattern = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

for (const client of clients.filter(({ language }) => language !== 'shell')) {
  // pip does not list it.
  const wishes = toWishes(client).filter(([name]) => name !== 'setuptools');
  test.each(wishes)(`${client.id}: %s %s`, async (name, version) => {
    const lock = Object.values(await readLock(client)).join('\n');
    // A name, what a format puts between, and the version.
    const entry = `${toPattern(name)}"?(==?|:jar:| v|: \\{\\s+"version": "|\\s+version = ")${toPattern(version)}\\b`;
    expect(lock).toMatch(new RegExp(entry));
  });
}
