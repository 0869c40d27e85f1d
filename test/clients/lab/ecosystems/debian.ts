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

/** Where the unpacked libraries are; those of linear algebra have several providers, in directories apart. */
export function toLibraryPath(directory: string): string {
  const own = ['usr/lib/x86_64-linux-gnu', 'usr/lib', 'lib/x86_64-linux-gnu'];
  const ofProviders = ['blas', 'lapack'].map((name) => join('usr/lib/x86_64-linux-gnu', name));
  return [...own, ...ofProviders].map((path) => join(directory, 'root', path)).join(':');
}

/** A command that prints the names of all packages that are installed for one. */
const listInstalled = (wish: string): string =>
  `${apt} -s --no-install-recommends install ${wish} | sed -n 's/^Inst \\([^ ]*\\) .*/\\1/p'`;

/** Programs in Python as Debian 12 packages them, unpacked beside the system rather than installed into it. */
export const debian: Ecosystem = {
  tools: ['apt-get', 'dpkg-deb', '/usr/bin/python3'],
  sources: (client) => python.sources(client),
  manifest: () => ({}),
  // Only the library's version: of the others, Debian's servers have no more than the last security update. And
  // without Python, which must fit the system's C library.
  lockFiles: ['packages.txt'],
  lock: ({ library, version }) => [
    update,
    [
      'sh',
      '-c',
      `${listInstalled('python3')} >python && echo '${library}' >>python && {
        echo '${library}=${version}'
        ${listInstalled(`'${library}=${version}'`)} | grep -vxFf python | sort
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
    `PYTHONPATH=${join(directory, 'root', 'usr', 'lib', 'python3', 'dist-packages')}`,
    `LD_LIBRARY_PATH=${toLibraryPath(directory)}`,
    '/usr/bin/python3',
    join(directory, `${program}.py`),
  ],
  findRegistry: [update],
};
