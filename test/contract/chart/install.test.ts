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
        const policy = {
          apiVersion: 'admissionregistration.k8s.io/v1',
          kind: 'MutatingAdmissionPolicy',
          metadata: {
            name: 'imds-proxy-inject',
            labels: {
              'app.kubernetes.io/name': 'workload-identity-imds-proxy',
              'app.kubernetes.io/instance': 'imds-proxy',
            },
          },
        };
        const foreign = { ...policy, metadata: { name: 'other' } };
        const occupied = {
          ...current,
          lists: {
            '/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies': [foreign, policy],
          },
        };

        it('is refused with the name of the first one', async () => {
          await expect(install(occupied, {}, 'other')).rejects.toThrow(
            'release "imds-proxy" of this chart is installed already (policy imds-proxy-inject)',
          );
        });

        it('may have its own namespaces', async () => {
          const output = await install(occupied, { namespaces: { include: ['shop'] } }, 'other');
          expect(output).toContain('name: other-imds-proxy-inject');
        });

        it('may be the same release again', async () => {
          expect(await install(occupied)).toContain('name: imds-proxy-inject');
        });
      });

      it.each([
        ['inject', { identity: { tenantId: 'contoso.com' } }],
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
