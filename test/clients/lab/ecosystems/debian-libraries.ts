import { join } from 'node:path';
import type { Client } from '../client.ts';
import type { Ecosystem } from '../ecosystem.ts';
import { apt, unpack, update } from './debian.ts';

/**
 * The same ecosystem, for a native program that needs shared libraries besides: Debian's, unpacked beside the client
 * rather than installed into the system.
 */
export function withDebianLibraries(ecosystem: Ecosystem): Ecosystem {
  return {
    ...ecosystem,
    tools: [...ecosystem.tools, 'apt-get', 'dpkg-deb'],
    install: (client) => [
      ...ecosystem.install(client),
      update,
      [
        'sh',
        '-c',
        `cd archives && ${apt.replaceAll('$PWD', '$OLDPWD')} download ${toNames(client)}`,
      ],
      ...unpack,
    ],
    command: (client, directory) => [
      'env',
      `LD_LIBRARY_PATH=${join(directory, 'root', 'usr', 'lib', 'x86_64-linux-gnu')}:${join(directory, 'root', 'lib', 'x86_64-linux-gnu')}`,
      ...ecosystem.command(client, directory),
    ],
    findRegistry: [...ecosystem.findRegistry, update],
  };
}

function toNames({ libraries = [] }: Client): string {
  return libraries.join(' ');
}
