/** What the policies of the chart make of pods, by the API server's own code. */
import type { V1Pod } from '@kubernetes/client-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { templateChart } from '../../support/chart.ts';
import { findGoTool } from '../../support/go-tools.ts';
import { evaluate, evaluationObstacle } from '../../support/policy-evaluation.ts';
import { clientId, createWorld, tenantId, toPod } from '../../support/policy-world.ts';
import { describeUnless } from '../../support/skip.ts';

const helm = findGoTool('helm4');
const obstacle = helm === undefined ? 'helm4 is missing; run .ci/go-tools' : evaluationObstacle;
const digest = `sha256:${'a'.repeat(64)}`;
const registry = 'mirror.example/imds-proxy';
/** Everything that YAML, JSON, Helm or CEL might read as more than a letter. */
const odd = '"\'\\<>&`$A $(B) {{ .C }} %s # é 😀 \u0007 \b\f\n\r\t true';

/** The policies for these values, without the pod of the test. */
const policiesOf = (values: object) =>
  templateChart(helm ?? '', { test: { enabled: false }, ...values });
const containersOf = (pod: V1Pod | undefined) =>
  Object.fromEntries((pod?.spec?.initContainers ?? []).map((one) => [one.name, one]));

describeUnless(obstacle, 'the policies of the chart', () => {
  describe('mode inject', () => {
    let pod: V1Pod | undefined;
    beforeAll(async () => {
      const world = createWorld(
        await policiesOf({
          images: { registry, pullSecrets: ['mirror'], proxy: { digest }, init: { tag: '1.2.3' } },
          identity: { tenantId },
          resources: { requests: { cpu: 1, memory: '64Mi' }, limits: { memory: '128Mi' } },
          proxy: {
            adminPort: 9000,
            env: { HTTPS_PROXY: 'http://a:1', NO_PROXY: odd },
            seccompProfile: 'imds-proxy.json',
          },
        }),
      );
      const result = world.add(toPod());
      await world.run();
      expect(result().denied).toBeUndefined();
      ({ pod } = result());
    });

    it('gives the pod both images, and the secrets to pull them', () => {
      const { 'azwi-proxy': proxy, 'azwi-proxy-init': init } = containersOf(pod);
      expect([proxy?.image, init?.image]).toEqual([
        `${registry}/proxy@${digest}`,
        `${registry}/proxy-init:1.2.3`,
      ]);
      expect(pod?.spec?.imagePullSecrets).toEqual([{ name: 'mirror' }]);
    });

    it('gives both containers the resources, as texts', () => {
      for (const one of Object.values(containersOf(pod))) {
        expect(one.resources).toEqual({
          requests: { cpu: '1', memory: '64Mi' },
          limits: { memory: '128Mi' },
        });
      }
    });

    it('gives the proxy its seccomp profile', () => {
      const { 'azwi-proxy': proxy, 'azwi-proxy-init': init } = containersOf(pod);
      expect(proxy?.securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        seccompProfile: { type: 'Localhost', localhostProfile: 'imds-proxy.json' },
      });
      expect(init?.securityContext?.seccompProfile).toEqual({ type: 'RuntimeDefault' });
    });

    it('passes variables on to the letter', () => {
      const env = containersOf(pod)['azwi-proxy']?.env;
      expect(env).toEqual(
        expect.arrayContaining([
          { name: 'AZURE_CLIENT_ID', value: clientId },
          { name: 'AZURE_TENANT_ID', value: tenantId },
          { name: 'HTTPS_PROXY', value: 'http://a:1' },
          { name: 'NO_PROXY', value: odd },
          { name: 'IMDS_PROXY_ADMIN_PORT', value: '9000' },
        ]),
      );
    });
  });

  it.each<[string, object, boolean]>([
    ['an included namespace', { include: ['case-0'] }, true],
    ['a namespace that is not included', { include: ['shop'] }, false],
    ['an excluded namespace', { exclude: ['case-0'] }, false],
    ['a namespace with the label', { selector: { matchLabels: { team: 'a' } } }, true],
    ['a namespace with another label', { selector: { matchLabels: { team: 'b' } } }, false],
    ['any namespace', { exclude: [] }, true],
  ])('apply to %s as the values say', async (_, namespaces, isInjected) => {
    const world = createWorld(
      await policiesOf({ images: { registry }, identity: { tenantId }, namespaces }),
    );
    const name = { 'kubernetes.io/metadata.name': 'case-0' };
    const result = world.add(toPod(), { namespaceLabels: { ...name, team: 'a' } });
    await world.run();
    expect(result().denied).toBeUndefined();
    expect('azwi-proxy' in containersOf(result().pod)).toBe(isInjected);
  });

  it('refuse a pod whose ServiceAccount is not selected', async () => {
    const serviceAccounts = { selector: { matchLabels: { proxy: 'yes' } } };
    const world = createWorld(
      await policiesOf({ images: { registry }, identity: { tenantId }, serviceAccounts }),
    );
    const selected = world.add(toPod(), { accountLabels: { proxy: 'yes' } });
    const other = world.add(toPod());
    await world.run();
    expect(selected().denied).toBeUndefined();
    expect(other().denied).toContain('was not selected');
  });

  it('inject the pod of the test, which asks for the proxy itself', async () => {
    const objects = await templateChart(helm ?? '', {
      images: { registry },
      identity: { tenantId },
    });
    const pod = objects.find(({ kind }) => kind === 'Pod') as V1Pod | undefined;
    if (pod === undefined) throw new Error('the chart has no test');
    const metadata = { name: 'imds-proxy', labels: {}, annotations: {} };
    const account = { name: 'default', namespace: 'imds-proxy', labels: {}, annotations: {} };
    const [result] = await evaluate(
      [
        ...objects.filter(({ kind }) => kind !== 'Pod'),
        { apiVersion: 'v1', kind: 'Namespace', metadata },
        { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account },
      ],
      [pod],
    );
    expect(result?.denied).toBeUndefined();
    expect(Object.keys(containersOf(result?.pod))).toEqual(['azwi-proxy-init', 'azwi-proxy']);
  });
});
