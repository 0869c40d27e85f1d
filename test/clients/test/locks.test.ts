/** The lock files of the laboratory: a catalogue that has moved on without them would run something else. */
import { describe, expect, test } from 'vitest';
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
  test.each(toWishes(client))(`${client.id}: %s %s`, async (name, version) => {
    const lock = Object.values(await readLock(client)).join('\n');
    // A name, what a format puts between, and the version.
    const entry = `${toPattern(name)}"?(==?|:jar:| v|: \\{\\s+"version": "|\\s+version = ")${toPattern(version)}\\b`;
    expect(lock).toMatch(new RegExp(entry));
  });
}

describe.each(clients)('$id', (client) => {
  test('its locks hold a hash of every package', async () => {
    const {
      'requirements.txt': requirements = '',
      'dependencies.txt': dependencies = '',
      'checksums.txt': checksums = '',
    } = await readLock(client);
    // A line that has one continues.
    const unhashed = requirements.match(/^\S+==\S+$/gm);
    expect(unhashed).toBeNull();
    expect(toLines(checksums).map(toArtifact)).toEqual(toLines(dependencies).map(toJar).toSorted());
  });
});

function toLines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** `SHA-256  lib/NAME.jar` */
function toArtifact(line: string): string {
  return /^[\da-f]{64} {2}lib\/(\S+)\.jar$/.exec(line)?.[1] ?? line;
}

/** `group:artifact:type:version:scope`, or with a classifier before the version. */
function toJar(line: string): string {
  const [, artifact, , ...rest] = line.split(':');
  return [artifact, ...rest.slice(0, -1).toReversed()].join('-');
}
