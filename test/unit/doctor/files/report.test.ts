import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { CheckResult } from '../../../../src/doctor/engine/check.ts';
import { type Editable, examine, firstFailure, healthyText, shopWith } from './namespace.ts';

/** The same Deployment with many pods. */
function withManyPods(count: number, change: (pod: Editable, index: number) => void): string {
  return shopWith(({ items, pods }) => {
    const [model, second] = pods;
    items.splice(items.indexOf(model), 1);
    items.splice(items.indexOf(second), 1);
    for (let index = 0; index < count; index += 1) {
      const pod = structuredClone(model);
      pod.metadata.name = `web-6d5f7c9b84-${index.toString(36).padStart(5, 'b')}`;
      change(pod, index);
      items.unshift(pod);
    }
  });
}

const audienceOf = (pod: Editable): Editable =>
  pod.spec.volumes.find(({ name }: Editable) => name.startsWith('azure-')).projected.sources[0]
    .serviceAccountToken;

describe('a dump that was cut off', () => {
  /** The healthy objects as kubectl writes a List: its kind comes last. */
  const list = `apiVersion: v1\nitems:\n${stringify(parse(healthyText()).items)}`;
  const inputOf = (text: string): CheckResult | undefined =>
    examine(text).find(({ id }) => id === 'input');

  it('is named, and all objects but the last are examined', () => {
    const count = parse(healthyText()).items.length;
    const input = inputOf(list);
    expect(input?.status).toBe('fail');
    expect(input?.summary).toContain(`a part of the input cannot be read (${count - 1} objects: `);
    expect(Object.values(input?.evidence ?? {}).join()).toContain('the dump was cut off');
  });

  it('is not said of one that is whole', () => {
    const input = inputOf(`${list}kind: List\nmetadata:\n  resourceVersion: ""\n`);
    expect(input?.status).toBe('ok');
  });

  it('is named in JSON', () => {
    const text = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [] }).slice(0, -3);
    expect(Object.values(inputOf(text)?.evidence ?? {}).join()).toContain('was cut off');
  });
});

describe('the report', () => {
  it('has one line for 200 pods of one Deployment', () => {
    const text = withManyPods(200, (pod) => {
      audienceOf(pod).audience = 'https://vault.example';
    });
    const failures = examine(text).filter(({ status }) => status === 'fail');
    expect(failures).toHaveLength(1);
    expect(failures[0]?.summary).toMatch(/^200 pods of Deployment shop\/web \(such as web-/);
    expect(failures[0]?.evidence).toBeUndefined();
  });

  it('puts the cause of most pods first', () => {
    const text = withManyPods(10, (pod, index) => {
      if (index === 0) audienceOf(pod).audience = 'https://vault.example';
      else pod.spec.initContainers[1].resources.limits.memory = '64Mi';
    });
    const failures = examine(text).filter(({ status }) => status === 'fail');
    expect(failures.map(({ id }) => id)).toEqual(['memory-limit', 'token-audience']);
    expect(failures[0]?.summary).toMatch(/^9 pods of /);
    expect(failures[1]?.summary).toMatch(/^1 pod of /);
  });

  it('puts details of one cause under one line, and says how many there are', () => {
    const text = withManyPods(30, (pod, index) => {
      audienceOf(pod).audience = `https://${index}.example`;
    });
    const failure = firstFailure(examine(text));
    expect(failure?.summary).toBe(
      'The federated token is for another audience: 30 pods of 1 object',
    );
    expect(Object.keys(failure?.evidence ?? {})).toHaveLength(21);
    expect(failure?.evidence).toMatchObject({ and: '10 more' });
  });

  it('skips consequences, and names their cause', () => {
    const text = shopWith((shop) =>
      shop.everyPod((pod) => {
        shop.container(pod, 'azwi-proxy').resources.limits.memory = '32Mi';
        Object.assign(shop.status(pod, 'azwi-proxy'), {
          ready: false,
          restartCount: 4,
          state: { waiting: { reason: 'CrashLoopBackOff' } },
          lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
        });
      }),
    );
    const checks = examine(text);
    expect(checks.filter(({ status }) => status === 'fail').map(({ id }) => id)).toEqual([
      'memory-limit',
    ]);
    const followers = checks.filter(({ summary }) => summary.includes(' explains it'));
    expect(followers.map(({ id, status, fix }) => [id, status, fix])).toEqual([
      ['proxy-oom', 'skip', undefined],
      ['proxy-not-ready', 'skip', undefined],
    ]);
    expect(followers[0]?.summary).toMatch(
      /^because memory-limit explains it \(2 pods of Deployment shop\/web/,
    );
  });

  it('leaves out the template of an object whose pods are there', () => {
    const text = shopWith(({ items, pods }) => {
      const { labels, annotations } = pods[0].metadata;
      items.push({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web', namespace: 'shop' },
        spec: {
          template: {
            metadata: { labels, annotations },
            spec: { hostNetwork: true, containers: [{ name: 'app', image: 'x' }] },
          },
        },
      });
    });
    expect(firstFailure(examine(text))).toBeUndefined();
  });

  it('forgets a refusal after which pods were made', () => {
    const text = shopWith(({ items }) => {
      items.push({
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: 'web.1', namespace: 'shop' },
        involvedObject: { kind: 'ReplicaSet', namespace: 'shop', name: 'web-6d5f7c9b84' },
        reason: 'FailedCreate',
        message: 'violates PodSecurity "baseline:latest": container "azwi-proxy-init" must not …',
        lastTimestamp: '2026-11-23T07:40:00Z',
      });
    });
    expect(firstFailure(examine(text))).toBeUndefined();
  });

  it('forgets a mount that failed before the pod became ready', () => {
    const text = shopWith(({ items, pods }) => {
      items.push({
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: 'web.2', namespace: 'shop' },
        involvedObject: { kind: 'Pod', namespace: 'shop', name: pods[0].metadata.name },
        reason: 'FailedMount',
        message:
          'MountVolume.SetUp failed for volume "azure-identity-token": failed to fetch token',
        lastTimestamp: '2026-11-23T07:41:12Z',
      });
    });
    expect(firstFailure(examine(text))).toBeUndefined();
  });

  it('says so if nothing asks for the proxy', () => {
    const pod =
      'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: a}]}\n';
    expect(examine(pod)[0]).toMatchObject({
      id: 'input',
      status: 'fail',
      summary: expect.stringMatching(/^no pod of the input has the proxy or asks for it/),
    });
    expect(examine('')[0]).toMatchObject({
      status: 'fail',
      summary: expect.stringMatching(/^there is no pod in the input/),
      fix: expect.stringMatching(/^kubectl get pod,sa,ns,events/),
    });
  });

  it('leads pods of AAD Pod Identity to proxy migrate', () => {
    const pod = (label: string): string =>
      `apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {${label}}}\nspec: {containers: [{name: a, image: a}]}\n`;
    const old = pod('aadpodidbinding: web');
    expect(examine(old)[0]).toMatchObject({
      id: 'input',
      status: 'fail',
      summary: expect.stringMatching(
        /the input has 1 pod or template with the label aadpodidbinding of/,
      ),
      fix: 'Plan the move with the same input: proxy migrate <FILE>',
      docs: 'docs/migration.md',
    });
    const input = examine(healthyText(), old, old).find(({ id }) => id === 'input');
    expect(input?.status).toBe('ok');
    expect(input?.evidence?.['not migrated']).toBe(
      '2 pods and templates with the label aadpodidbinding of AAD Pod Identity; proxy migrate plans the move',
    );
    expect(examine(pod('aadpodidbinding: ""'))[0]?.fix).not.toContain('migrate');
    expect(JSON.stringify(examine(healthyText()))).not.toContain('migrate');
  });

  it('reads objects in any order, in any number of sources, as YAML and as JSON', () => {
    const missing = shopWith((shop) => {
      delete shop.account.metadata.annotations;
      shop.setVariable('azwi-proxy', 'AZURE_CLIENT_ID', undefined);
      shop.items.reverse();
    });
    const list = JSON.parse(JSON.stringify(readYaml(missing)));
    const [pods, others] = [
      list.items.filter(({ kind }: Editable) => kind === 'Pod'),
      list.items.filter(({ kind }: Editable) => kind !== 'Pod'),
    ];
    const asJson = JSON.stringify(list, undefined, 4);
    const apart = [
      JSON.stringify(pods[0]),
      JSON.stringify(pods[1]),
      ...others.map((one: Editable) => JSON.stringify(one)),
    ];
    for (const texts of [[missing], [asJson], [apart.join('\n')], apart, [`\uFEFF${missing}`]]) {
      expect(firstFailure(examine(...texts))?.summary).toMatch(/^2 pods of Deployment shop\/web/);
    }
  });

  it('says which part of the input cannot be read, and examines the rest', () => {
    const checks = examine(`${healthyText()}---\na: [\n---\nfoo: bar\n`);
    expect(checks[0]).toMatchObject({ id: 'input', status: 'fail' });
    const [yaml, other] = Object.entries(checks[0]?.evidence ?? {});
    expect(yaml).toEqual([
      expect.stringMatching(/^input-0:\d+$/),
      expect.stringMatching(/^not YAML/),
    ]);
    expect(other?.[1]).toMatch(/^not a Kubernetes object/);
    expect(checks[0]?.summary).toMatch(/2 pods/);
  });
});

function readYaml(text: string): Editable {
  return parse(text);
}

describe('pods as the webhook injects them', () => {
  const { cases } = JSON.parse(
    readFileSync(new URL('../../../fixtures/inject/webhook-pods.json', import.meta.url), 'utf8'),
  );
  // Some of the recorded pods have a fault; the others have none.
  const expected: Readonly<Record<string, readonly string[]>> = {
    'service account without client ID': ['client-id-missing'],
    'port, init containers, own client ID, skipped container, pod security context': ['proxy-user'],
    'identity binding, CA data': ['two-authorities'],
    job: ['job-never-ends'],
  };

  it.each(cases as Editable[])('$name', ({ name, injected, serviceAccount }) => {
    const pod = { ...injected, status: { phase: 'Running' } };
    const list = { apiVersion: 'v1', kind: 'List', items: [serviceAccount, pod] };
    const [sidecar, what] = name.split(/: (.*)/);
    const wanted = sidecar === 'native' && what === 'job' ? [] : (expected[what] ?? []);
    const failures = examine(JSON.stringify(list)).filter(({ status }) => status === 'fail');
    expect(failures.map(({ id }) => id)).toEqual(wanted);
  });
});

describe('the output', () => {
  const secret = 'correct-horse-battery';
  const token = `eyJ${'hbGciOiJSUzI1NiJ9'.repeat(3)}.eyJ${'zdWIiOiJh'.repeat(8)}.${'c2lnbmF0dXJl'.repeat(12)}`;

  it('has no value of a variable and no token, whoever repeats them', () => {
    const text = shopWith((shop) => {
      shop.account.metadata.annotations['azure.workload.identity/client-id'] = secret;
      shop.setVariable('azwi-proxy', 'HTTPS_PROXY', 'http://user:hunter22@proxy.example:3128');
      shop.everyPod((pod) => {
        for (const name of ['azwi-proxy', 'azwi-proxy-init', 'app']) {
          const message = `cannot connect with ${secret} through http://user:hunter22@proxy.example:3128 as ${token} AADSTS700016`;
          Object.assign(shop.status(pod, name), {
            ready: false,
            restartCount: 2,
            state: { waiting: { reason: 'CrashLoopBackOff', message } },
            lastState: { terminated: { exitCode: 1, reason: 'Error', message } },
          });
        }
      });
    });
    const printed = JSON.stringify(examine(text));
    expect(printed).toContain('cannot connect with [value of a variable]');
    for (const part of [secret, 'hunter22', token.slice(0, 40), token.slice(-40)]) {
      expect(printed).not.toContain(part);
    }
  });

  it('puts no name into a command that a shell would act on', () => {
    const evil = '$(touch /tmp/owned); x';
    const text = shopWith((shop) => {
      shop.everyPod((pod) => {
        pod.metadata.namespace = evil;
        pod.metadata.ownerReferences[0].name = `${evil}-6d5f7c9b84`;
        pod.spec.serviceAccountName = evil;
        pod.metadata.name = evil;
        shop.status(pod, 'azwi-proxy').ready = false;
      });
      shop.setVariable('azwi-proxy', 'AZURE_CLIENT_ID', undefined);
    });
    const commands = examine(text).flatMap(({ fix }) => fix?.split('\n') ?? []);
    const kubectl = commands.filter((line) => line.includes('kubectl'));
    expect(kubectl.length).toBeGreaterThan(0);
    for (const line of kubectl) expect(line).not.toContain('$(');
  });

  it('has no control characters', () => {
    const text = shopWith((shop) =>
      shop.everyPod((pod) => {
        pod.metadata.ownerReferences[0] = {
          ...pod.metadata.ownerReferences[0],
          kind: 'Bad\u001b[2J',
          name: 'a\u202eb',
        };
        shop.container(pod, 'app').name = 'x\u0007y';
        shop.container(pod, 'x\u0007y').securityContext = { runAsUser: 1501, runAsGroup: 1501 };
      }),
    );
    const all = examine(text).flatMap(({ summary, evidence, fix }) => [
      summary,
      ...Object.entries(evidence ?? {})
        .flat()
        .map(String),
      fix ?? '',
    ]);
    expect(all.join('')).toContain('runs as user 1501');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the test looks for them
    expect(all.join('')).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });
});
