import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const programs = join(import.meta.dirname, 'programs');
/** Outside of what is checked in; kept between runs. */
const cache = join(import.meta.dirname, '../../../node_modules/.cache/app-service-clients');
const installDeadlineMs = 10 * 60_000;

/** A library that applications get tokens with, and a program that does so. */
export interface Client {
  readonly name: string;
  /** What has to be on the machine to install it; nothing if it is a dependency of the project. */
  readonly tools: readonly string[];
  /** Of programs/, copied to where it is installed. */
  readonly program: string;
  /** Commands that fetch and build it there, one after the other. */
  readonly steps: readonly (readonly string[])[];
  toCommand(directory: string): readonly string[];
  /** Gets only the variables of version 2017-09-01, which it reads; the others get all. */
  readonly isOld?: boolean;
}

/** One with the project's own packages, which needs no installation. */
const ofProject = (name: string, file: string): Client => ({
  name,
  tools: [],
  program: 'javascript',
  steps: [],
  toCommand: () => [process.execPath, join(programs, 'javascript', file)],
});

const goModule = (module: string): Client['steps'] => [
  ['go', 'mod', 'init', 'client'],
  ['go', 'get', module],
  ['go', 'mod', 'tidy'],
  ['go', 'build', '-o', 'client', '.'],
];

export const clients: readonly Client[] = [
  ofProject('JavaScript @azure/identity', 'azure-identity.mjs'),
  ofProject('JavaScript @azure/msal-node', 'msal-node.mjs'),
  {
    name: 'Python azure-identity 1.27.0',
    tools: ['python3'],
    program: 'python',
    steps: [
      ['python3', '-m', 'venv', 'venv'],
      ['venv/bin/pip', 'install', '--quiet', 'azure-identity==1.27.0'],
    ],
    toCommand: (directory) => [join(directory, 'venv/bin/python'), join(directory, 'main.py')],
  },
  {
    name: 'Go azidentity 1.15.0',
    tools: ['go'],
    program: 'go',
    steps: goModule('github.com/Azure/azure-sdk-for-go/sdk/azidentity@v1.15.0'),
    toCommand: (directory) => [join(directory, 'client')],
  },
  {
    name: 'Java azure-identity 1.18.1',
    tools: ['mvn', 'javac'],
    program: 'java',
    steps: [
      ['mvn', '-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib'],
      ['javac', '-cp', 'lib/*', '-d', 'classes', 'Main.java'],
    ],
    toCommand: (directory) => [
      ...['java', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp'],
      ...[`${join(directory, 'classes')}:${join(directory, 'lib')}/*`, 'Main'],
    ],
  },
  {
    name: 'Go go-autorest/adal 0.9.24',
    tools: ['go'],
    program: 'adal',
    steps: goModule('github.com/Azure/go-autorest/autorest/adal@v0.9.24'),
    toCommand: (directory) => [join(directory, 'client')],
    isOld: true,
  },
  {
    name: 'JavaScript @azure/identity 1.5.2',
    tools: ['npm'],
    program: 'javascript',
    steps: [
      ['npm', 'init', '-y', '--silent'],
      ['npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', '@azure/identity@1.5.2'],
    ],
    toCommand: (directory) => [process.execPath, join(directory, 'azure-identity.mjs')],
    isOld: true,
  },
];

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>test</groupId><artifactId>client</artifactId><version>1</version><dependencies><dependency>
<groupId>com.azure</groupId><artifactId>azure-identity</artifactId><version>1.18.1</version>
</dependency></dependencies></project>
`;

/** Fetches and builds a client unless it is there. @returns the command that runs its program */
export async function install({
  name,
  program,
  steps,
  toCommand,
}: Client): Promise<readonly string[]> {
  const directory = join(cache, name.replace(/[^\w.]+/g, '-'));
  const command = toCommand(directory);
  const stampFile = join(directory, '.installed');
  const stamp = JSON.stringify([steps, await readAll(join(programs, program))]);
  if (steps.length > 0 && (await readFile(stampFile, 'utf8').catch(() => '')) !== stamp) {
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true });
    await cp(join(programs, program), directory, { recursive: true });
    if (program === 'java') await writeFile(join(directory, 'pom.xml'), pom);
    for (const [tool = '', ...args] of steps) {
      await execute(tool, args, { cwd: directory, timeout: installDeadlineMs });
    }
    await writeFile(stampFile, stamp);
  }
  return command;
}

async function readAll(directory: string): Promise<readonly string[]> {
  const files = (await readdir(directory)).toSorted();
  return Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')));
}

/** A tool that a client needs and this machine has not. */
export async function findMissingTool({ tools }: Client): Promise<string | undefined> {
  for (const tool of tools) {
    try {
      await execute('which', [tool]);
    } catch {
      return tool;
    }
  }
  return undefined;
}
