import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { chartFolder } from '../../build/chart/render.ts';

const root = join(import.meta.dirname, '../..');
export const chart = join(root, chartFolder);

/** An object that the chart makes. */
export interface ChartObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
  readonly [field: string]: unknown;
}

/** Kinds with their versions, as `Capabilities` has them. */
export const apiVersions = {
  v1: 'admissionregistration.k8s.io/v1/MutatingAdmissionPolicy',
  v1beta1: 'admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicy',
  podMonitor: 'monitoring.coreos.com/v1/PodMonitor',
  azurePodMonitor: 'azmonitoring.coreos.com/v1/PodMonitor',
  rule: 'monitoring.coreos.com/v1/PrometheusRule',
} as const;

export interface TemplateOptions {
  readonly apiVersions?: readonly string[];
  readonly release?: string;
  readonly namespace?: string;
}

/**
 * The objects of the chart for these values.
 * @throws with what helm says
 */
export async function templateChart(
  helm: string,
  values: object,
  {
    apiVersions: kinds = [apiVersions.v1],
    release = 'imds-proxy',
    namespace = 'imds-proxy',
  }: TemplateOptions = {},
): Promise<readonly ChartObject[]> {
  const stdout = await runHelm(helm, ['template', release, chart, `--namespace=${namespace}`], {
    values,
    args: kinds.map((kind) => `--api-versions=${kind}`),
  });
  return toObjects(stdout);
}

export function toObjects(yaml: string): readonly ChartObject[] {
  return parseAllDocuments(yaml).flatMap((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS() ?? [];
  });
}

export interface HelmOptions {
  readonly values?: object;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs helm with its own folders, so that settings of the user do not matter.
 * @throws with its standard error
 */
export async function runHelm(
  helm: string,
  command: readonly string[],
  { values, args = [], env = {} }: HelmOptions = {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'imds-proxy-helm-'));
  try {
    const file = join(folder, 'values.json');
    if (values !== undefined) await writeFile(file, JSON.stringify(values));
    const { stdout } = await promisify(execFile)(
      helm,
      [...command, ...(values === undefined ? [] : [`--values=${file}`]), ...args],
      {
        env: {
          PATH: process.env['PATH'],
          HOME: folder,
          HELM_CACHE_HOME: folder,
          HELM_CONFIG_HOME: folder,
          HELM_DATA_HOME: folder,
          ...env,
        },
        maxBuffer: 16 * 1024 * 1024,
        timeout: 120_000,
      },
    );
    return stdout;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
