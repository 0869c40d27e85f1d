import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Client, Language } from './client.ts';

const execute = promisify(execFile);
const programs = join(import.meta.dirname, '..', 'programs');
/** Kept between runs, and not in node_modules, which `npm ci` empties. */
const cache = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'workload-identity-imds-proxy',
  'clients',
);
const installDeadlineMs = 15 * 60_000;

/** A client that can be started. */
export interface Installed {
  /** To be followed by the arguments of the program. */
  readonly command: readonly string[];
  /** Whether it was there already. */
  readonly isCached: boolean;
}

interface Ecosystem {
  /** What has to be on the machine. */
  readonly tools: readonly string[];
  /** Directories of programs/ that are copied side by side. */
  sources(client: Client): readonly string[];
  /** Files that tell the ecosystem's tool what to fetch. */
  manifest(client: Client): Readonly<Record<string, string>>;
  /** Commands, run in the client's directory one after the other. */
  steps(client: Client): readonly (readonly string[])[];
  command(client: Client, directory: string): readonly string[];
}

const pin = (separator: string) => (client: Client) => [
  `${client.library}${separator}${client.version}`,
  ...(client.packages ?? []),
];

const ecosystems: Readonly<Record<Language, Ecosystem>> = {
  JavaScript: {
    tools: ['npm'],
    sources: () => ['javascript'],
    manifest: () => ({ 'package.json': '{"private": true, "type": "module"}' }),
    steps: (client) => [
      ['npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', '.'].concat(
        pin('@')(client),
      ),
    ],
    command: ({ program }, directory) => [process.execPath, join(directory, `${program}.mjs`)],
  },
  shell: {
    tools: ['curl'],
    sources: () => ['shell'],
    manifest: () => ({}),
    steps: () => [],
    command: ({ program }, directory) => ['sh', join(directory, `${program}.sh`)],
  },
  Python: {
    tools: ['python3'],
    sources: () => ['python'],
    manifest: () => ({}),
    steps: (client) => [
      ['python3', '-m', 'venv', 'venv'],
      ['venv/bin/pip', 'install', '--quiet', ...pin('==')(client)],
    ],
    command: ({ program }, directory) => [
      join(directory, 'venv', 'bin', 'python'),
      join(directory, `${program}.py`),
    ],
  },
  Go: {
    tools: ['go'],
    sources: ({ program }) => ['go', `go/${program}`],
    manifest: () => ({}),
    steps: (client) => [
      ['go', 'mod', 'init', 'client'],
      ...pin('@v')(client).map((module) => ['go', 'mod', 'edit', `-require=${module}`]),
      ['go', 'get', ...toTags(client), './...'],
      ['go', 'build', ...toTags(client), '-o', 'client', '.'],
    ],
    command: (_, directory) => [join(directory, 'client')],
  },
  Java: {
    tools: ['java', 'javac', 'mvn'],
    sources: ({ program }) => ['java', `java/${program}`],
    manifest: (client) => ({ 'pom.xml': toPom(pin(':')(client)) }),
    steps: () => [
      ['mvn', '-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib'],
      ['sh', '-c', 'javac -cp "lib/*" -d classes *.java'],
    ],
    command: (_, directory) => [
      ...['java', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp'],
      ...[`${join(directory, 'classes')}:${join(directory, 'lib')}/*`, 'Main'],
    ],
  },
  Rust: {
    tools: ['cargo'],
    sources: ({ program }) => ['rust', `rust/${program}`],
    manifest: (client) => ({ 'Cargo.toml': toCargo(client) }),
    // Two clients have most of their crates in common.
    steps: () => [['cargo', 'build', '--quiet', '--target-dir', '../rust-target']],
    command: ({ id }, directory) => [join(directory, '..', 'rust-target', 'debug', toCrate(id))],
  },
};

/** Fetches and builds a client, unless it is there. @throws with what the ecosystem's tool said */
export async function install(client: Client): Promise<Installed> {
  const ecosystem = ecosystems[client.language];
  const directory = join(cache, client.id);
  const command = ecosystem.command(client, directory);
  const sources = ecosystem.sources(client).map((source) => join(programs, source));
  const stamp = await toStamp(client, ecosystem, sources);
  const stampFile = join(directory, '.installed');
  if (existsSync(stampFile) && (await readFile(stampFile, 'utf8')) === stamp) {
    return { command, isCached: true };
  }
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  for (const source of sources) {
    for (const file of await filesOf(source)) await cp(join(source, file), join(directory, file));
  }
  for (const [file, text] of Object.entries(ecosystem.manifest(client))) {
    await writeFile(join(directory, file), text);
  }
  for (const [program = '', ...args] of ecosystem.steps(client)) {
    await execute(program, args, { cwd: directory, timeout: installDeadlineMs });
  }
  await writeFile(stampFile, stamp);
  return { command, isCached: false };
}

/** A tool that a client of this language needs and this machine has not. */
export async function findMissingTool(language: Language): Promise<string | undefined> {
  for (const tool of ecosystems[language].tools) {
    const isThere = await execute('sh', ['-c', `command -v ${tool}`]).then(
      () => true,
      () => false,
    );
    if (!isThere) return tool;
  }
  return undefined;
}

async function toStamp(
  client: Client,
  ecosystem: Ecosystem,
  sources: readonly string[],
): Promise<string> {
  const hash = createHash('sha256').update(
    JSON.stringify([ecosystem.steps(client), ecosystem.manifest(client)]),
  );
  for (const source of sources) {
    for (const file of await filesOf(source)) hash.update(await readFile(join(source, file)));
  }
  return hash.digest('hex');
}

async function filesOf(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

function toTags({ abilities }: Client): readonly string[] {
  return abilities.includes('objectId') ? ['-tags', 'objectid'] : [];
}

/** Native code for every platform, which not every mirror has; OkHttp takes its place. */
const withoutNetty =
  '<exclusions><exclusion><groupId>com.azure</groupId><artifactId>azure-core-http-netty</artifactId></exclusion></exclusions>';

function toPom(artifacts: readonly string[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, name, version] = artifact.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version>${withoutNetty}</dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>lab</groupId><artifactId>client</artifactId><version>1</version>
<dependencies>${dependencies.join('\n')}</dependencies></project>
`;
}

/** A crate's name may not hold a dot, nor be that of a crate it depends on. */
function toCrate(id: string): string {
  return `client-${id.replaceAll('.', '-')}`;
}

function toCargo({ id, library, version, features = [], packages = [] }: Client): string {
  const wish = `{ version = "=${version}", features = ${JSON.stringify(features)} }`;
  return `[package]
name = "${toCrate(id)}"
version = "0.1.0"
edition = "2021"

[[bin]]
name = "${toCrate(id)}"
path = "main.rs"

[dependencies]
${[`${library} = ${wish}`, ...packages].join('\n')}

[profile.dev]
debug = false
`;
}
