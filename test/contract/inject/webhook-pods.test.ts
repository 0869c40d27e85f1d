import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { imageFlags, runInjectOn } from '../../support/inject.ts';
import { findTypeFaults } from '../../support/kubernetes-types.ts';

interface Named {
  readonly name: string;
}

interface Pod {
  readonly metadata: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly initContainers?: readonly Named[];
    readonly containers: readonly Named[];
    readonly restartPolicy?: string;
  };
}

interface WebhookCase {
  readonly name: string;
  readonly serviceAccount: unknown;
  /** As it was applied. */
  readonly pod: Pod;
  /** As the webhook of azure-workload-identity v1.6.0 made it. */
  readonly injected: Pod;
}

const fixture = join(import.meta.dirname, '../../fixtures/inject/webhook-pods.json');
const { cases }: { readonly cases: readonly WebhookCase[] } = JSON.parse(
  readFileSync(fixture, 'utf8'),
);
const ours = ['azwi-proxy-init', 'azwi-proxy'];

const inject = async (object: unknown, ...flags: string[]): Promise<Pod> => {
  const stdin = JSON.stringify(object, null, 2);
  const { stdout, stderr, exitCode } = await runInjectOn('inject', [...imageFlags, ...flags], {
    stdin,
  });
  expect(exitCode, stderr).toBe(0);
  return JSON.parse(stdout);
};
const namesIn = (list: readonly Named[] = []): readonly string[] => list.map(({ name }) => name);
const isOurs = (name: string): boolean => ours.includes(name);

describe.each(cases)('webhook v1.6.0, $name', ({ pod, injected }) => {
  it('its containers are replaced by ours, the init first', async () => {
    const { spec } = await inject(injected);
    const own = namesIn(injected.spec.initContainers).filter((name) => !isOurs(name));
    expect(namesIn(spec.initContainers)).toEqual([...ours, ...own]);
    expect(namesIn(spec.containers).filter(isOurs)).toEqual([]);
    const images = [...(spec.initContainers ?? []), ...spec.containers].map(
      (container) => Object(container).image,
    );
    expect(images).not.toContain('example.test/proxy:ours');
    expect(images).not.toContain('example.test/proxy-init:ours');
  });

  it('comes out as the Kubernetes API has it', async () => {
    expect(findTypeFaults(await inject(injected))).toEqual([]);
  });

  it('the pod it was made of is injected so that the webhook leaves its containers alone', async () => {
    const { metadata } = await inject(pod);
    expect(metadata.annotations).not.toHaveProperty([
      'azure.workload.identity/inject-proxy-sidecar',
    ]);
    expect(metadata.labels).toHaveProperty(['azure.workload.identity/use'], 'true');
  });

  it('the pod it was made of is restored byte for byte', async () => {
    for (const flags of [[], ['--webhook=absent', '--tenant-id=contoso.example']]) {
      const stdin = `${JSON.stringify(pod, null, 2)}\n`;
      const { stdout } = await runInjectOn('inject', [...imageFlags, ...flags], { stdin });
      expect((await runInjectOn('uninject', [], { stdin: stdout })).stdout).toBe(stdin);
    }
  });

  it('a classic sidecar is refused exactly where the pod should end', async () => {
    const stdin = JSON.stringify(pod);
    const { exitCode } = await runInjectOn('inject', [...imageFlags, '--classic'], { stdin });
    expect(exitCode).toBe((pod.spec.restartPolicy ?? 'Always') === 'Always' ? 0 : 1);
  });
});
