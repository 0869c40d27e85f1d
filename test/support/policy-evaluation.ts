import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1Pod } from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import { findGoTool } from './go-tools.ts';

/** What the API server's code makes of a pod. */
export interface Admission {
  /** As the mutating policies leave it, also if a validating one refuses it. */
  readonly pod?: V1Pod;
  /** The message of the refusal; missing if the pod is admitted. */
  readonly denied?: string;
  readonly warnings: readonly string[];
  /** Cost of the dearest expression of each mutating policy; 10,000,000 is the limit. */
  readonly cost: Readonly<Record<string, number>>;
  readonly microseconds: number;
}

/** Where the evaluation comes from; undefined if this machine has it not. */
const program = findGoTool('policyEvaluation');

/** Why policies cannot be evaluated here; undefined if they can. */
export const evaluationObstacle =
  program === undefined ? 'policy-evaluation is missing; run .ci/go-tools' : undefined;

const deadlineMs = 60_000;

/**
 * Runs policies over pods by the API server's own code (test/support/policy-evaluation).
 * @param objects the cluster: policies, bindings, namespaces, ServiceAccounts; unknown fields are errors.
 * @param pods each with the namespace and the ServiceAccount that it names among the objects.
 */
export async function evaluate(
  objects: readonly object[],
  pods: readonly V1Pod[],
): Promise<readonly Admission[]> {
  if (program === undefined) throw new Error(evaluationObstacle);
  const input = JSON.stringify({ objects, pods });
  return new Promise((resolve, reject) => {
    const running = execFile(
      program,
      { timeout: deadlineMs, maxBuffer: 256 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) resolve(JSON.parse(stdout));
        else reject(new Error(stderr.trimEnd().split('\n').at(-1) || error.message));
      },
    );
    // A program that has failed reads no input.
    running.stdin?.on('error', () => undefined).end(input);
  });
}

const root = join(import.meta.dirname, '../..');

/** An object of a policy's file. */
export interface PolicyObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { name: string };
  readonly spec: {
    policyName?: string;
    readonly variables?: { readonly name: string; expression: string }[];
  };
}

/** @param settings expressions of CEL for the first variables of the mutating policy. */
export function readPolicy(
  file: string,
  settings: Readonly<Record<string, string>> = {},
): readonly PolicyObject[] {
  const documents = parseAllDocuments(readFileSync(join(root, file), 'utf8'));
  const objects: readonly PolicyObject[] = documents.map((document) => document.toJS());
  for (const [name, expression] of Object.entries(settings)) {
    const found = objects
      .flatMap(({ spec }) => spec.variables ?? [])
      .filter((variable) => variable.name === name);
    if (found.length === 0) throw new Error(`${file} has no variable ${name}`);
    for (const variable of found) variable.expression = expression;
  }
  return objects;
}
