import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Status } from '../../src/doctor/engine/check.ts';
import { dist } from './proxy-process.ts';

const schema = join(import.meta.dirname, '../../docs/doctor.schema.json');
const validate = new Ajv2020({
  strict: true,
  allowUnionTypes: true,
  strictRequired: false,
}).compile(JSON.parse(readFileSync(schema, 'utf8')));

/** A check in the JSON of the doctor. */
export interface ReportedCheck {
  readonly id: string;
  readonly status: Status;
  readonly summary: string;
  readonly evidence: Readonly<Record<string, string | number | boolean>>;
  readonly fix?: string;
  readonly docs?: string;
}

/** What one run of the built doctor printed. */
export interface Diagnosis {
  readonly exitCode: number | null;
  readonly checks: readonly ReportedCheck[];
  /** The first check that failed: the doctor's answer to "why?". */
  readonly first: ReportedCheck | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface DoctorOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A command that runs the command, such as `nsenter` with its options. */
  readonly through?: readonly string[];
  /** The command that runs the proxy. Default: the built one. */
  readonly program?: readonly string[];
}

/** Runs the built doctor to its end. */
export async function runDoctor({
  args = [],
  env = {},
  through = [],
  program = [join(dist, 'proxy')],
}: DoctorOptions = {}): Promise<Diagnosis> {
  const [command = '', ...rest] = [...through, ...program, 'doctor', '--output=json', ...args];
  const child = spawn(command, rest, {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      output[name] += chunk;
    });
  }
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return toDiagnosis(exitCode, output.stdout, output.stderr);
}

/** @throws if the doctor printed no report, or one that differs from its published schema */
export function toDiagnosis(exitCode: number | null, stdout: string, stderr: string): Diagnosis {
  let report: { readonly checks: readonly ReportedCheck[] };
  try {
    report = JSON.parse(stdout);
  } catch {
    throw new Error(`the doctor printed no report (exit ${exitCode}): ${stdout}${stderr}`);
  }
  if (!validate(report)) {
    throw new Error(
      `docs/doctor.schema.json does not describe it: ${JSON.stringify(validate.errors)}`,
    );
  }
  const { checks } = report;
  const first = checks.find(({ status }) => status === 'fail');
  return { exitCode, checks, first, stdout, stderr };
}

/** The parts of a ServiceAccount token that nothing may print: payload and signature. */
export function readSecretParts(tokenFile: string): readonly string[] {
  return readFileSync(tokenFile, 'utf8').trim().split('.').slice(1);
}
