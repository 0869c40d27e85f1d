/** The last release and this version in one pod. docs/upgrade.md lists these tests. */
import { readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { V1Pod } from '@kubernetes/client-node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  buildCommit,
  findMissingHistory,
  readLastRelease,
} from '../../../build/versions/last-release.ts';
import { type PodForm, pairs, podForms } from '../../../build/versions/pod-forms.ts';
import {
  type CopiedPrograms,
  copyProgramsFor,
  makeSharedFolder,
} from '../../../demo/shared-folder.ts';
import { proxyUid } from '../../../src/shared/redirect-contract.ts';
import { toClaims } from '../../support/docker-app.ts';
import { runDoctor } from '../../support/doctor.ts';
import { describeInNamespaces } from '../../support/netns.ts';
import { createImdsPod, type ImdsPod } from '../../support/netns-imds-pod.ts';
import { asUser, startUntilSaid } from '../../support/netns-process.ts';
import { dist } from '../../support/proxy-process.ts';
import { describeUnless } from '../../support/skip.ts';

const release = readLastRelease();
const appUid = 2_000;
const instance = '/metadata/instance?api-version=2021-02-01';
const token =
  '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net';

type Version = 'last' | 'this';

let folder: string;
let programs: Readonly<Record<Version, CopiedPrograms>>;
let imds: ImdsPod;
/** Of a client of the emulator in the pod. */
let entra: Readonly<Record<string, string>>;

async function copyPrograms(version: Version, from: string): Promise<CopiedPrograms> {
  const into = join(folder, version);
  await mkdir(into);
  return copyProgramsFor(proxyUid, from, into);
}

/** Starts a tenant on the loopback of the pod. */
async function startEntra(): Promise<Readonly<Record<string, string>>> {
  const { node, bin } = programs.this;
  const child = imds.pod.start([node, join(bin, 'emulator'), `--state-dir=${folder}/state`]);
  if (child.stdout === null) throw new Error('no output');
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line).env;
  throw new Error('the emulator ended before it was ready');
}

const command = (version: Version, name: string): readonly string[] => [
  programs[version].node,
  join(programs[version].bin, name),
];

/** Runs proxy-init of one version and the proxy of another as `form` says, and asks as an application. */
async function play(form: PodForm, init: Version, proxy: Version): Promise<void> {
  const { pod, ask } = imds;
  await pod.must(command(init, 'proxy-init'), { env: form.init });
  const through = asUser(proxyUid);
  const serving = pod.start([...command(proxy, 'proxy'), ...form.flags], {
    env: { ...entra, ...form.env },
    through,
  });
  let log = '';
  serving.stderr?.on('data', (chunk) => {
    log += String(chunk);
  });
  // As the manifests do: the command comes back when the proxy is ready.
  const port = form.flags.filter((flag) => flag.startsWith('--proxy-port'));
  const probe = await pod.run([...command(proxy, 'proxy'), ...port, '--probe'], { through });
  expect(probe.exitCode, `${probe.stderr}${log}`).toBe(0);

  const answer = await ask(token, appUid);
  expect(answer.status, answer.body).toBe(200);
  expect(toClaims({ when: 'once', ...answer })).toMatchObject({
    appid: entra['AZURE_CLIENT_ID'],
    aud: 'https://vault.azure.net',
  });
  // No other path to the identity of the node.
  expect((await ask('/metadata/identity/info?api-version=2018-02-01', appUid)).status).toBe(404);
  const forwarded = await ask(instance, appUid);
  if (form.forwards)
    expect(forwarded).toEqual({ status: 200, body: `node 169.254.169.254 ${instance}` });
  else expect(forwarded.status).toBe(404);
}

const missing = findMissingHistory(release.commit);
const title = 'the last release and this version in one pod';

describeUnless(missing, title, () => {
  beforeAll(async () => {
    folder = makeSharedFolder('versions-');
    programs = {
      last: await copyPrograms('last', join(buildCommit(release.commit), 'dist')),
      this: await copyPrograms('this', dist),
    };
  }, 900_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  describeInNamespaces('with its redirect', () => {
    beforeEach(async () => {
      imds = await createImdsPod();
      entra = await startEntra();
    });
    afterEach(() => imds.remove());

    describe.each(pairs)('proxy-init of $init, proxy of $proxy', ({ init, proxy }) => {
      it.each(podForms)('$name', (form) => play(form, init, proxy));
    });

    it.each(['last', 'this'] as const)(
      'a doctor of this version finds no fault beside proxy-init of %s',
      async (init) => {
        const proxy = init === 'last' ? 'this' : 'last';
        const { pod } = imds;
        await pod.must(command(init, 'proxy-init'));
        await startUntilSaid(
          pod,
          [...command(proxy, 'proxy'), '--log-level=info'],
          'starting the proxy server',
          { uid: proxyUid, env: entra },
        );
        const { checks, exitCode } = await runDoctor({
          // As a debug container: it sees a process of the application, and none of this machine.
          through: [
            ...['nsenter', `--net=${pod.path}`, 'unshare', '--pid', '--fork', '--mount-proc'],
            ...['sh', '-c', `${asUser(appUid).join(' ')} sleep 60 & exec "$@"`, 'sh'],
            ...asUser(appUid),
          ],
          program: command('this', 'proxy'),
          args: ['--as-app'],
        });
        expect(
          checks.filter(({ status }) => status === 'fail'),
          JSON.stringify(checks, null, 1),
        ).toEqual([]);
        expect(exitCode).toBe(0);
      },
    );
  });
});

describe('the forms of pods', () => {
  const fixtures = join(import.meta.dirname, '../../fixtures');
  const recorded = ['inject/webhook-pods.json', 'webhook/upstream-forms.json'].flatMap(
    (file): readonly { readonly name: string; readonly injected?: V1Pod; readonly pod?: V1Pod }[] =>
      JSON.parse(readFileSync(join(fixtures, file), 'utf8')).cases,
  );

  it.each(recorded)('contain the arguments of the recorded pod "$name"', ({ injected, pod }) => {
    const spec = (injected ?? pod)?.spec ?? { containers: [] };
    const every = [...(spec.initContainers ?? []), ...spec.containers];
    const init = every.find(({ image }) => image?.includes('/proxy-init:'));
    const proxy = every.find(({ image }) => image?.includes('/proxy:'));
    const told = {
      flags: proxy?.args ?? [],
      init: Object.fromEntries(
        init?.env?.filter(({ name }) => !name.startsWith('AZURE_')).map(toEntry) ?? [],
      ),
    };
    expect(
      podForms.map(({ flags, init: variables }) => ({ flags, init: variables })),
    ).toContainEqual(told);
  });
});

function toEntry({ name, value = '' }: { readonly name: string; readonly value?: string }) {
  return [name, value] as const;
}
