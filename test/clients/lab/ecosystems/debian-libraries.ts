import type { Client } from '../client.ts';
import type { Ecosystem } from '../ecosystem.ts';
import { apt, toLibraryPath, unpack, update } from './debian.ts';

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
      `LD_LIBRARY_PATH=${toLibraryPath(directory)}`,
      ...ecosystem.command(client, directory),
    ],
    findRegistry: [...ecosystem.findRegistry, update],
  };
}

function toNames({ libraries = [] }: Client): string {
  return libraries.join(' ');
}
