/** Manifests and settings of the last release in this version. docs/upgrade.md lists these tests. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1Container, V1PodSpec } from '@kubernetes/client-node';
import { beforeAll, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import {
  buildCommit,
  findMissingHistory,
  readLastRelease,
  readSettings,
} from '../../../build/versions/last-release.ts';
import { toInitConfig } from '../../../src/init/config.ts';
import { initOptions } from '../../../src/init/options.ts';
import { loadConfig } from '../../../src/proxy/config/config.ts';
import { scanFlags } from '../../../src/shared/flags.ts';
import { runInjectOn } from '../../support/inject.ts';
import { dist } from '../../support/proxy-process.ts';
import { describeUnless } from '../../support/skip.ts';

const { commit, settings } = readLastRelease();
const toFlags = (version: string): readonly string[] =>
  ['proxy', 'init'].map((name) => `--${name}-image=registry.example/${name}:${version}`);

/** A manifest with the flags that it is injected with. */
interface Case {
  readonly name: string;
  readonly input: string;
  readonly flags: readonly string[];
}

let last: string;

/** The manifests that the last release is tested with. */
function readCases(): readonly Case[] {
  const fixtures = join(last, 'test/fixtures/inject');
  const folders = readdirSync(fixtures, { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  return folders.map(({ name }) => ({
    name,
    input: readFileSync(join(fixtures, name, 'input.yaml'), 'utf8'),
    flags: readFileSync(join(fixtures, name, 'args.txt'), 'utf8')
      .split('\n')
      .filter(Boolean),
  }));
}

function runProgram(folder: string, args: readonly string[], input: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'proxy'), ...args], {
    input,
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (status === null || status > 1) throw new Error(`${args[0]}: ${status}: ${stderr}`);
  return stdout;
}

const injectAsBefore = ({ input, flags }: Case, version = 'old'): string =>
  runProgram(join(last, 'dist'), ['inject', ...toFlags(version), ...flags], input);

async function injectNow({ flags }: Case, text: string): Promise<string> {
  // Pods that refuse the proxy by now keep it if they have it.
  const argv = [...toFlags('new'), '--ignore-opt-out', ...flags];
  const run = await runInjectOn('inject', argv, { stdin: text });
  expect(run.exitCode, run.stderr).toBe(0);
  return run.stdout;
}

/** Everything in a manifest that looks like a pod. */
function findPods(value: unknown): readonly V1PodSpec[] {
  if (typeof value !== 'object' || value === null) return [];
  const isPod = 'containers' in value && Array.isArray(value.containers);
  return [...(isPod ? [value as V1PodSpec] : []), ...Object.values(value).flatMap(findPods)];
}

const findContainers = (text: string): readonly V1Container[] =>
  parseAllDocuments(text, { merge: true }).flatMap((document) =>
    findPods(document.toJS()).flatMap(({ containers, initContainers = [] }) => [
      ...initContainers,
      ...containers,
    ]),
  );

/** Variables with a value that the manifest does not have get one. */
function toVariables({ env = [] }: V1Container): Readonly<Record<string, string>> {
  const webhook = {
    AZURE_TENANT_ID: '11111111-2222-3333-4444-555555555555',
    AZURE_FEDERATED_TOKEN_FILE: '/var/run/secrets/azure/tokens/azure-identity-token',
  };
  const told = env.filter(({ value }) => value !== undefined);
  return { ...webhook, ...Object.fromEntries(told.map(({ name, value = '' }) => [name, value])) };
}

/** What a program of this version says against the settings of a container; empty if it accepts them. */
function findObjections(container: V1Container): readonly string[] {
  const { name, args = [] } = container;
  if (name === 'azwi-proxy') {
    const loaded = loadConfig(args, toVariables(container));
    // The files of the pod are not here.
    if (loaded.kind === 'invalid') return loaded.errors.filter((error) => !/ENOENT/.test(error));
    return loaded.kind === 'config' ? [] : [JSON.stringify(loaded)];
  }
  const scan = scanFlags(initOptions, args);
  if (scan.kind !== 'flags') return [JSON.stringify(scan)];
  try {
    toInitConfig(scan.texts, toVariables(container));
    return [];
  } catch (error) {
    return [String(error)];
  }
}

const isOurs = ({ name }: V1Container): boolean => /^azwi-proxy(-init)?$/.test(name);

describeUnless(findMissingHistory(commit), 'from the last release', () => {
  beforeAll(() => {
    last = buildCommit(commit);
  }, 900_000);

  it('its settings are the recorded ones', () => {
    expect(readSettings(last)).toEqual(settings);
  });

  it('a manifest that it injected is injected as the original is', async () => {
    for (const each of readCases()) {
      const again = await injectNow(each, injectAsBefore(each));
      expect(again, each.name).toBe(await injectNow(each, each.input));
      expect(again, each.name).not.toContain(':old');
    }
  });

  it('uninject restores a manifest that it injected', async () => {
    for (const each of readCases()) {
      const run = await runInjectOn('uninject', [], { stdin: injectAsBefore(each) });
      expect(run.exitCode, run.stderr).toBe(0);
      const fresh = await runInjectOn('uninject', [], { stdin: await injectNow(each, each.input) });
      expect(run.stdout, each.name).toBe(fresh.stdout);
      // What upstream's containers were is not kept.
      if (!each.name.startsWith('upstream-')) expect(run.stdout, each.name).toBe(each.input);
    }
  });

  it('proxy doctor finds the same in its manifests as in those of this version', async () => {
    const cases = readCases().filter(({ name }) => name !== 'json');
    const diagnose = (texts: readonly string[]): unknown =>
      JSON.parse(runProgram(dist, ['doctor', '--output=json', '-'], texts.join('---\n'))).checks;
    const before = diagnose(cases.map((each) => injectAsBefore(each, 'new')));
    const now = await Promise.all(cases.map((each) => injectNow(each, each.input)));
    expect(before).toEqual(diagnose(now));
    expect(before).toContainEqual(expect.objectContaining({ id: 'versions', status: 'ok' }));
  });

  it('the arguments and variables in its manifests are accepted', () => {
    const deploy = readdirSync(join(last, 'deploy'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => [name, readFileSync(join(last, 'deploy', name), 'utf8')] as const);
    const injected = readCases().map((each) => [each.name, injectAsBefore(each)] as const);
    const containers = [...deploy, ...injected].flatMap(([name, text]) =>
      findContainers(text)
        .filter(isOurs)
        .map((container) => ({ name, container })),
    );
    expect(containers.length).toBeGreaterThan(40);
    expect(
      containers.flatMap(({ name, container }) =>
        findObjections(container).map((objection) => `${name}: ${container.name}: ${objection}`),
      ),
    ).toEqual([]);
  });
});
