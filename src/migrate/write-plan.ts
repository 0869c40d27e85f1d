import type { Input } from '../inject/inputs.ts';
import { ManifestError } from '../inject/manifest/manifest-error.ts';
import { changeFiles } from './change/change-files.ts';
import { toFiles, type WrittenFile } from './files/to-files.ts';
import type { MigrateIo } from './io.ts';
import { formatParts } from './output/markdown.ts';
import type { MigrateRun } from './parse-command.ts';
import type { Plan } from './plan.ts';

/**
 * Writes everything that a plan without errors needs into a folder.
 * @returns the exit code.
 */
export async function writePlan(
  plan: Plan,
  folder: string,
  run: MigrateRun,
  io: MigrateIo,
): Promise<number> {
  if (plan.federatedCredentials.some(({ issuer }) => issuer === null)) {
    return fail(
      io,
      'no issuer is known for the federated credentials; pass --issuer=$(az aks show --query oidcIssuerProfile.issuerUrl …)',
    );
  }
  let files: readonly WrittenFile[];
  try {
    files = toFiles(plan, toSettings(run), formatParts(plan));
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    return fail(io, `${error.message}`);
  }
  try {
    await io.writeFolder(folder, files);
  } catch (thrown) {
    return fail(io, `${folder} cannot be written: ${describe(thrown)}`);
  }
  io.stderr(`${folder}: ${files.length} files written; begin with ${folder}/README.md\n`);
  return 0;
}

/**
 * Changes the files of the input themselves, all or none.
 * @returns the exit code.
 */
export async function changeInputs(
  plan: Plan,
  inputs: readonly Input[],
  run: MigrateRun,
  io: MigrateIo,
): Promise<number> {
  const { change, templatePaths } = toSettings(run);
  const settings = { ...change, namespace: run.read.namespace };
  const { files, notes, errors } = changeFiles(plan, inputs, settings, templatePaths);
  for (const error of errors) io.stderr(`migrate: error: ${error}\n`);
  if (errors.length > 0) return fail(io, 'nothing was changed');
  const originals = new Map(inputs.map(({ path, text }) => [path, text]));
  for (const [index, { path, text }] of files.entries()) {
    try {
      await io.writeFile(path, text);
    } catch (thrown) {
      const earlier = files.slice(0, index).map((one) => one.path);
      const rest = await putBack(earlier, originals, io);
      return fail(io, `${path} cannot be written: ${describe(thrown)}; ${rest}`);
    }
  }
  for (const { path } of files) io.stderr(`${path}: changed\n`);
  for (const note of notes) io.stderr(`note: ${note}\n`);
  io.stderr(`${files.length} of ${inputs.length} files changed\n`);
  return 0;
}

/** @returns what became of files that had been written already. */
async function putBack(
  paths: readonly string[],
  originals: ReadonlyMap<string | undefined, string>,
  io: MigrateIo,
): Promise<string> {
  const faults: string[] = [];
  for (const path of paths) {
    try {
      await io.writeFile(path, originals.get(path) ?? '');
    } catch (thrown) {
      faults.push(`${path} is changed, and could not be put back: ${describe(thrown)}`);
    }
  }
  return faults.length === 0 ? 'nothing was changed' : faults.join('; ');
}

function toSettings({ plan, read, dropsLabel }: MigrateRun): Parameters<typeof toFiles>[1] {
  const { templatePaths } = read;
  return { plan, templatePaths, change: { inject: plan.inject, dropLabel: dropsLabel } };
}

function fail(io: MigrateIo, message: string): number {
  io.stderr(`migrate: error: ${message}\n`);
  return 1;
}

function describe(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
