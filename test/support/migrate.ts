import { stringify } from 'yaml';
import type { MigrateIo } from '../../src/migrate/io.ts';
import { runMigrate } from '../../src/migrate/main.ts';
import type { Finding, PlacedFinding, Plan, PlannedWorkload } from '../../src/migrate/plan.ts';
import { type InjectRun, type InjectSetting, imageFlags, runOn } from './inject.ts';

/** What a run of `migrate` printed and wrote. */
export interface MigrateRun extends InjectRun {
  /** Files of the folder that `--write` made, by their paths in it; undefined if it made none. */
  readonly folder: ReadonlyMap<string, string> | undefined;
}

/** Runs `migrate` on files that exist only here. */
export async function runMigrateOn(
  argv: readonly string[],
  setting: InjectSetting,
): Promise<MigrateRun> {
  let folder: ReadonlyMap<string, string> | undefined;
  const writeFolder: MigrateIo['writeFolder'] = async (_, files) => {
    folder = new Map(files.map(({ path, text }) => [path, text]));
  };
  const run = await runOn((io) => runMigrate(argv, { ...io, writeFolder }), setting);
  return { ...run, folder };
}

/** The files that `--write` makes of standard input, by their paths. */
export async function writtenBy(
  stdin: string,
  argv: readonly string[] = [],
): Promise<ReadonlyMap<string, string>> {
  const images = argv.includes('--no-redirect') ? imageFlags.slice(0, 1) : imageFlags;
  const flags = [...images, `--issuer=${issuer}`, `--tenant-id=${tenantId}`, ...argv];
  const { folder, stderr } = await runMigrateOn(['--write=out', ...flags], { stdin });
  if (folder === undefined) throw new Error(stderr);
  return folder;
}

/** A plan as `--output=json` prints it. */
export interface PrintedPlan extends Plan {
  readonly exitCode: number;
  /** The only workload of the plan. */
  readonly workload: PlannedWorkload;
  /** Everything that the plan says anywhere. */
  readonly all: readonly (Finding | PlacedFinding)[];
}

/** The plan for standard input, or for the files of a folder, with an issuer and a tenant unless the flags say otherwise. */
export async function planOf(
  input: string | Readonly<Record<string, string>>,
  argv: readonly string[] = noFlags,
): Promise<PrintedPlan> {
  const flags = [
    '--output=json',
    ...(argv === withoutIssuer ? [] : [`--issuer=${issuer}`]),
    ...(argv === withoutTenant ? [] : [`--tenant-id=${tenantId}`]),
    ...argv,
  ];
  const { stdout, stderr, exitCode } =
    typeof input === 'string'
      ? await runMigrateOn(flags, { stdin: input })
      : await runMigrateOn([...flags, 'a'], { files: input });
  if (exitCode === 2) throw new Error(stderr);
  const plan = JSON.parse(stdout) as Plan;
  const [workload] = plan.workloads;
  const all = [
    ...plan.findings,
    ...plan.workloads.flatMap(({ findings }) => findings),
    ...plan.identities.flatMap(({ findings }) => findings),
    ...plan.secretProviderClasses.flatMap(({ findings }) => findings),
  ];
  return { ...plan, exitCode, all, workload: workload as PlannedWorkload };
}

const noFlags: readonly string[] = [];

/** For `planOf`: no --issuer, and no --tenant-id. */
export const withoutIssuer: readonly string[] = [];
export const withoutTenant: readonly string[] = [];

export const issuer = 'https://issuer.example/cluster/';
export const tenantId = '99999999-9999-9999-9999-999999999999';

/** A client ID for each number. */
export function clientId(number: number): string {
  return `11111111-1111-1111-1111-${String(number).padStart(12, '0')}`;
}

export function resourceId(name: string): string {
  return `/subscriptions/00000000-0000-0000-0000-000000000001/resourcegroups/identities/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`;
}

/** One document of YAML from a value; JSON is YAML. */
export function toYaml(...objects: readonly object[]): string {
  return objects.map((one) => `---\n${JSON.stringify(one, undefined, 2)}\n`).join('');
}

/** An AzureIdentity. */
export function identity(
  name: string,
  more: { readonly namespace?: string; readonly spec?: object; readonly annotations?: object } = {},
): object {
  const { namespace = 'shop', spec, annotations } = more;
  const number = [...name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7) % 1e9;
  return {
    apiVersion: 'aadpodidentity.k8s.io/v1',
    kind: 'AzureIdentity',
    metadata: { name, namespace, ...(annotations && { annotations }) },
    spec: { type: 0, clientID: clientId(number), resourceID: resourceId(name), ...spec },
  };
}

/** An AzureIdentityBinding. */
export function binding(
  name: string,
  azureIdentity: string,
  selector: unknown,
  more: { readonly namespace?: string; readonly weight?: number } = {},
): object {
  const { namespace = 'shop', weight } = more;
  return {
    apiVersion: 'aadpodidentity.k8s.io/v1',
    kind: 'AzureIdentityBinding',
    metadata: { name, namespace },
    spec: { azureIdentity, selector, ...(weight !== undefined && { weight }) },
  };
}

interface PodMore {
  readonly namespace?: string;
  readonly kind?: string;
  readonly spec?: object;
  readonly labels?: object;
  readonly annotations?: object;
}

/** A Deployment, a CronJob, a Pod, or another kind with its template at spec.template, whose pods have the label. */
export function workload(name: string, label: unknown, more: PodMore = {}): object {
  const { namespace = 'shop', kind = 'Deployment', spec, labels, annotations } = more;
  const template = {
    metadata: {
      labels: { app: name, ...(label !== undefined && { aadpodidbinding: label }), ...labels },
      ...(annotations && { annotations }),
    },
    spec: { containers: [{ name: 'app', image: 'registry.example/app:1' }], ...spec },
  };
  const metadata = { name, namespace };
  switch (kind) {
    case 'Pod':
      return {
        apiVersion: 'v1',
        kind,
        metadata: { ...metadata, ...template.metadata },
        spec: template.spec,
      };
    case 'CronJob': {
      const jobTemplate = { spec: { template } };
      return {
        apiVersion: 'batch/v1',
        kind,
        metadata,
        spec: { schedule: '0 0 * * *', jobTemplate },
      };
    }
    default: {
      const apiVersion = kind === 'Job' ? 'batch/v1' : 'apps/v1';
      return { apiVersion, kind, metadata, spec: { template } };
    }
  }
}

/** A List, as kubectl prints it. */
export function dump(...objects: readonly object[]): string {
  return stringify({ apiVersion: 'v1', items: objects, kind: 'List', metadata: {} });
}

interface PodSetting {
  readonly owner?: readonly [kind: string, name: string];
  readonly labels?: object;
  readonly spec?: object;
  readonly phase?: string;
  readonly namespace?: string;
}

/** A running pod. */
export function pod(name: string, label: unknown, setting: PodSetting = {}): object {
  const { owner, labels, spec, phase = 'Running', namespace = 'shop' } = setting;
  const [kind, ownerName] = owner ?? [];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: { ...(label !== undefined && { aadpodidbinding: label }), ...labels },
      ...(kind !== undefined && {
        ownerReferences: [
          {
            apiVersion: groupsOf[kind] ?? 'example.com/v1',
            kind,
            name: ownerName,
            controller: true,
          },
        ],
      }),
    },
    spec: { containers: [{ name: 'app', image: 'registry.example/app:1' }], ...spec },
    status: { phase },
  };
}

const groupsOf: Readonly<Record<string, string>> = {
  ReplicaSet: 'apps/v1',
  StatefulSet: 'apps/v1',
  Deployment: 'apps/v1',
  Job: 'batch/v1',
};

export function serviceAccount(name: string, client?: string, namespace = 'shop'): object {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: {
      name,
      namespace,
      ...(client !== undefined && {
        annotations: { 'azure.workload.identity/client-id': client },
      }),
    },
  };
}

/** MIC, as its chart installs it. */
export function mic(args: readonly string[], forced = 'false'): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'aad-pod-identity-mic', namespace: 'kube-system' },
    spec: {
      template: {
        metadata: { labels: { 'app.kubernetes.io/component': 'mic' } },
        spec: {
          containers: [
            {
              name: 'mic',
              image: 'mcr.microsoft.com/oss/azure/aad-pod-identity/mic:v1.8.17',
              args: ['--cloudconfig=/etc/kubernetes/azure.json', '--logtostderr', ...args],
              env: [{ name: 'FORCENAMESPACED', value: forced }],
            },
          ],
        },
      },
    },
  };
}
