/** What `helm install` says of a cluster: an API server on loopback, which knows the kinds of some version. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiVersions, chart, runHelm } from '../../support/chart.ts';
import { type FakeCluster, startFakeApiServer } from '../../support/fake-api-server.ts';
import { findGoTool } from '../../support/go-tools.ts';
import { describeUnless } from '../../support/skip.ts';

const validating = [
  'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy',
  'admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding',
];
const withPolicies = (version: 'v1' | 'v1beta1'): readonly string[] => [
  ...validating,
  apiVersions[version],
  `${apiVersions[version]}Binding`,
];
const current: FakeCluster = { version: '1.36', kinds: withPolicies('v1') };
const values = { images: { registry: 'registry.example/imds-proxy' } };

describe.each(['helm3', 'helm4'] as const)('%s', (tool) => {
  const helm = findGoTool(tool) ?? '';
  describeUnless(
    helm === '' ? `${tool} is missing; run .ci/go-tools` : undefined,
    'install',
    () => {
      let folder: string;
      beforeAll(async () => {
        folder = await mkdtemp(join(tmpdir(), 'imds-proxy-install-'));
      });
      afterAll(() => rm(folder, { recursive: true, force: true }));

      const install = async (cluster: FakeCluster, more: object = {}, release = 'imds-proxy') => {
        await using server = await startFakeApiServer(cluster);
        const kubeconfig = join(folder, `kubeconfig-${release}`);
        await writeFile(kubeconfig, server.kubeconfig);
        // The server must live until helm has ended.
        return await runHelm(
          helm,
          ['install', release, chart, '--namespace=shop', '--dry-run=server'],
          {
            values: { ...values, ...more },
            args: ['--disable-openapi-validation', `--kubeconfig=${kubeconfig}`],
          },
        );
      };

      it.each([
        ['1.36', 'v1'],
        ['1.34', 'v1beta1'],
      ] as const)('Kubernetes %s gets the policies as %s', async (version, expected) => {
        const output = await install({ version, kinds: withPolicies(expected) });
        expect(output).toMatch(
          new RegExp(`admissionregistration.k8s.io/${expected}\nkind: MutatingAdmissionPolicy\n`),
        );
      });

      it.each(['inject', 'swap'])('mode %s is refused where the kind is missing', async (mode) => {
        const old = { version: '1.33', kinds: validating };
        await expect(install(old, { mode })).rejects.toThrow(
          `mode: ${mode}: this API server (Kubernetes v1.33.0) has no MutatingAdmissionPolicy; use Kubernetes 1.36`,
        );
      });

      it('monitoring is refused where the operator is missing, and made where it is there', async () => {
        const more = { mode: 'none', podMonitor: { enabled: true } };
        await expect(install({ version: '1.29', kinds: [] }, more)).rejects.toThrow(
          'podMonitor.enabled: this API server does not have monitoring.coreos.com/v1/PodMonitor',
        );
        const kinds = [apiVersions.podMonitor];
        expect(await install({ version: '1.29', kinds }, more)).toContain('kind: PodMonitor');
      });

      describe('a second release', () => {
        const toBinding = (
          expressions: readonly object[],
          { matchLabels = {}, metadata = {} }: { matchLabels?: object; metadata?: object } = {},
        ) => ({
          apiVersion: 'admissionregistration.k8s.io/v1',
          kind: 'MutatingAdmissionPolicyBinding',
          metadata: {
            name: 'imds-proxy-inject',
            labels: {
              'app.kubernetes.io/name': 'workload-identity-imds-proxy',
              'app.kubernetes.io/instance': 'imds-proxy',
            },
            ...metadata,
          },
          spec: {
            matchResources: { namespaceSelector: { matchLabels, matchExpressions: expressions } },
          },
        });
        const named = (operator: 'In' | 'NotIn', ...values: readonly string[]) => ({
          key: 'kubernetes.io/metadata.name',
          operator,
          values,
        });
        const whole = toBinding([named('NotIn', 'kube-system')]);
        const beside = (...bindings: readonly object[]): FakeCluster => ({
          ...current,
          lists: {
            '/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings': bindings,
          },
        });
        const foreign = toBinding([], { metadata: { name: 'theirs', labels: { app: 'theirs' } } });
        const include = { namespaces: { include: ['shop'] } };
        const selector = { namespaces: { selector: { matchLabels: { team: 'a' } } } };

        it.each<[string, object, object]>([
          ['the whole cluster, beside the whole cluster', whole, {}],
          ['the whole cluster, beside no selector at all', toBinding([]), {}],
          ['the whole cluster in mode swap', whole, { mode: 'swap' }],
          ['one namespace, beside the whole cluster', whole, include],
          ['labels, beside the whole cluster', whole, selector],
          ['a namespace, beside the same one', toBinding([named('In', 'a', 'shop')]), include],
          ['the whole cluster, beside one namespace', toBinding([named('In', 'a')]), {}],
        ])('for %s is refused with the name of the first one', async (_, first, more) => {
          await expect(install(beside(foreign, first), more, 'other')).rejects.toThrow(
            'release "imds-proxy" of this chart is in the cluster and applies to the same namespaces (policy imds-proxy-inject)',
          );
        });

        it.each<[string, object, object]>([
          ['a namespace that the first leaves out', toBinding([named('NotIn', 'shop')]), include],
          ['a namespace, beside another', toBinding([named('In', 'a')]), include],
          [
            'all but the namespace of the first',
            toBinding([named('In', 'a')]),
            { namespaces: { exclude: ['a'] } },
          ],
          ['labels, beside other labels', toBinding([], { matchLabels: { team: 'b' } }), selector],
          ['anything, beside the policy of somebody else', foreign, {}],
        ])('for %s is installed', async (_, first, more) => {
          expect(await install(beside(first), more, 'other')).toContain(
            'name: other-imds-proxy-inject',
          );
        });

        it('may be the same release again', async () => {
          expect(await install(beside(whole))).toContain('name: imds-proxy-inject');
        });

        it('is refused beside the files of deploy/policies', async () => {
          const file = toBinding([], { metadata: { name: 'imds-proxy-inject', labels: {} } });
          await expect(install(beside(file), {}, 'other')).rejects.toThrow(
            'the policy imds-proxy-inject of deploy/policies is in the cluster and applies to the same namespaces; delete it first',
          );
        });
      });

      it.each([
        ['inject', { identity: { tenantId: 'contoso.com' } }],
        ['swap', {}],
        ['none', {}],
      ])('mode %s tells three next commands', async (mode, more) => {
        const output = await install(current, { mode, ...more });
        const notes = output.slice(output.indexOf('NOTES:'));
        expect(notes.match(/^\d\. .*:\n {3}(kubectl|npx|helm) /gm)).toHaveLength(3);
        expect(notes).not.toMatch(/\{\{|<no value>/);
        if (mode === 'inject') {
          expect(notes).toContain('helm test imds-proxy --namespace=shop');
          // The tenant is known, so the command does not ask for it.
          expect(notes).not.toContain('<TENANT_ID>');
        }
      });
    },
  );
});
