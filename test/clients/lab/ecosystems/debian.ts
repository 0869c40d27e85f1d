import { join } from 'node:path';
import type { Command, Ecosystem } from '../ecosystem.ts';
import { python } from './python.ts';

/** Lists and choices of this client's own: nothing depends on what is installed on the machine, or changes it. */
export const apt = [
  'apt-get -q -o Dir::State::lists="$PWD/lists" -o Dir::State::status="$PWD/status"',
  '-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root',
].join(' ');

export const update: Command = [
  'sh',
  '-c',
  `mkdir -p lists/partial archives && : >status && ${apt} -o APT::Update::Error-Mode=any update`,
];

/** Lays the downloaded packages out below `root`. */
export const unpack: readonly Command[] = [
  ['sh', '-c', 'for file in archives/*.deb; do dpkg-deb -x "$file" root || exit; done'],
  ['rm', '-r', 'archives', 'lists'],
];

const modules = (directory: string): string =>
  join(directory, 'root', 'usr', 'lib', 'python3', 'dist-packages');

/** Programs in Python as Debian 12 packages them, unpacked beside the system rather than installed into it. */
export const debian: Ecosystem = {
  tools: ['apt-get', 'dpkg-deb', '/usr/bin/python3'],
  sources: (client) => python.sources(client),
  manifest: () => ({}),
  // Only the library's version: of the others, Debian's servers have no more than the last security update.
  lockFiles: ['packages.txt'],
  lock: ({ library, version }) => [
    update,
    [
      'sh',
      '-c',
      `${apt} -s --no-install-recommends install '${library}=${version}' >chosen && {
        echo '${library}=${version}'
        sed -n 's/^Inst \\(python3-[^ ]*\\) .*/\\1/p' chosen | sort
      } >packages.txt`,
    ],
  ],
  install: () => [
    update,
    [
      'sh',
      '-c',
      `cd archives && xargs ${apt.replaceAll('$PWD', '$OLDPWD')} download <../packages.txt`,
    ],
    ...unpack,
  ],
  command: ({ program }, directory) => [
    'env',
    `PYTHONPATH=${modules(directory)}`,
    '/usr/bin/python3',
    join(directory, `${program}.py`),
  ],
  findRegistry: [update],
};
