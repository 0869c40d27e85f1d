import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
const folder = join(cache, 'workload-identity-imds-proxy/python-tools/bicep-1');

/** Why Bicep cannot be parsed here; undefined if it can. */
export const bicepObstacle = existsSync(join(folder, 'complete'))
  ? undefined
  : 'the parsers of Bicep are missing; run .ci/python-tools';

export interface ParsedBicep {
  /** Errors that the grammar of tree-sitter finds, a line each. */
  readonly faults: readonly string[];
  /** All strings in their order, with their escapes. */
  readonly strings: readonly string[];
  /** What pycep reads, with the escapes of strings; null if it cannot: it knows no backslash at the end of a string. */
  readonly meaning: null | {
    readonly globals?: { readonly scope: { readonly value: string } };
    readonly parameters?: Readonly<Record<string, unknown>>;
    readonly resources?: Readonly<Record<string, BicepPart>>;
    readonly modules?: Readonly<
      Record<string, BicepPart & { readonly detail: { readonly path: string } }>
    >;
  };
}

interface BicepPart {
  readonly decorators: readonly { readonly type: string; readonly argument: unknown }[];
  readonly config: Readonly<Record<string, unknown>>;
}

/** What two parsers make of a Bicep file. */
export function parseBicep(text: string): ParsedBicep {
  const program = join(import.meta.dirname, 'parse-bicep.py');
  const output = execFileSync(join(folder, 'bin/python'), [program], {
    input: text,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return JSON.parse(output);
}
