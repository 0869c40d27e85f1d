import { join } from 'node:path';
import type { Client } from '../client.ts';
import { type Command, type Ecosystem, pin } from '../ecosystem.ts';

const lockFile = 'dependencies.txt';
/** Of every file in `lib`. */
const checksumFile = 'checksums.txt';
const copyDependencies: Command = [
  'mvn',
  ...['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib'],
];

export const java: Ecosystem = {
  tools: ['java', 'javac', 'mvn'],
  sources: ({ program }) => ['java', `java/${program}`],
  manifest: (client, lock) => ({ 'pom.xml': toPom(client, lock) }),
  lockFiles: [lockFile, checksumFile],
  lock: () => [
    ['mvn', '-q', '-B', 'dependency:list', `-DoutputFile=${lockFile}.raw`],
    // Lines of group:artifact:type:version:scope.
    ['sh', '-c', `grep -o '[^ ]*:compile\\|[^ ]*:runtime' ${lockFile}.raw | sort > ${lockFile}`],
    copyDependencies,
    ['sh', '-c', `sha256sum lib/*.jar > ${checksumFile}`],
  ],
  install: () => [
    copyDependencies,
    ['sh', '-c', `sha256sum lib/*.jar | diff ${checksumFile} -`],
    ['sh', '-c', 'javac -cp "lib/*" -d classes *.java'],
  ],
  command: (_, directory) => [
    ...['java', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp'],
    ...[`${join(directory, 'classes')}:${join(directory, 'lib')}/*`, 'Main'],
  ],
  // Maven has no command that prints it. It is in what Maven keeps of the registry's list of versions.
  findRelease: ({ library }) => {
    const list = `"$HOME"/.m2/repository/${library.replaceAll(/[.:]/g, '/')}/maven-metadata-*.xml`;
    return [
      'sh',
      '-c',
      `mvn -q -B -U dependency:get -Dtransitive=false -Dartifact=${library}:RELEASE >&2 &&
       sed -n 's:.*<release>\\(.*\\)</release>.*:\\1:p' ${list}`,
    ];
  },
  findRegistry: [
    [
      ...['mvn', '-q', '-B', '-Dmaven.repo.local=repository', 'dependency:get'],
      ...['-Dtransitive=false', '-Dartifact=org.slf4j:slf4j-api:1.7.36'],
    ] as [string, ...string[]],
  ],
};

/** Native code for every platform, which not every mirror has; OkHttp takes its place. */
const withoutNetty =
  '<exclusions><exclusion><groupId>com.azure</groupId><artifactId>azure-core-http-netty</artifactId></exclusion></exclusions>';

function toPom(client: Client, lock = ''): string {
  const wished = pin(':', client).map((artifact) => {
    const [group = '', name = '', version = ''] = artifact.split(':');
    return toDependency(group, name, version, withoutNetty);
  });
  const managed = lock.split('\n').flatMap((line) => {
    const [group, name, , version] = line.split(':');
    if (group === undefined || name === undefined || version === undefined) return [];
    return [toDependency(group, name, version)];
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>lab</groupId><artifactId>client</artifactId><version>1</version>
<dependencyManagement><dependencies>${managed.join('\n')}</dependencies></dependencyManagement>
<dependencies>${wished.join('\n')}</dependencies></project>
`;
}

function toDependency(group: string, name: string, version: string, more = ''): string {
  return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version>${more}</dependency>`;
}
