import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findGoTool } from './go-tools.ts';

/** Why Terraform's language cannot be parsed here; undefined if it can. */
export const terraformObstacle =
  findGoTool('hcldec') === undefined || findGoTool('hclfmt') === undefined
    ? 'hcldec or hclfmt is missing; run .ci/go-tools'
    : undefined;

export interface Terraform {
  /** By name and place in the file, such as `azurerm 1`. */
  readonly provider?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** By type, then name. */
  readonly resource?: Blocks<{
    readonly for_each: Readonly<Record<string, Readonly<Record<string, string>>>>;
  }>;
  readonly data?: Blocks<{ readonly for_each: readonly string[] }>;
}

type Blocks<T> = Readonly<Record<string, Readonly<Record<string, T>>>>;

/** The arguments that the providers document for what we write; any other is a fault. */
const spec = `
function "toset" {
  params = [list]
  result = list
}
object {
  block "terraform" {
    object {
      attr "required_version" { type = string }
      block "required_providers" {
        object {
          attr "azurerm" { type = map(string) }
          attr "azuread" { type = map(string) }
        }
      }
    }
  }
  block_map "provider" {
    labels = ["name"]
    object {
      attr "alias" { type = string }
      attr "subscription_id" { type = string }
      attr "tenant_id" { type = string }
      block "features" {
        object {}
      }
    }
  }
  block_map "data" {
    labels = ["type", "name"]
    object {
      attr "provider" { type = string }
      attr "for_each" { type = list(string) }
      attr "client_id" { type = string }
    }
  }
  block_map "resource" {
    labels = ["type", "name"]
    object {
      attr "provider" { type = string }
      attr "for_each" { type = map(map(string)) }
      attr "name" { type = string }
      attr "user_assigned_identity_id" { type = string }
      attr "application_id" { type = string }
      attr "display_name" { type = string }
      attr "issuer" { type = string }
      attr "subject" { type = string }
      attr "audience" { type = list(string) }
      attr "audiences" { type = list(string) }
    }
  }
}
`;

const each = {
  key: 'key',
  value: { name: 'n', identity: 'i', issuer: 'i', subject: 's', audience: 'a', client: 'client' },
};

const names = ['migration', 'migration_2', 'migration_3'];
const byName = (value: unknown): object => Object.fromEntries(names.map((name) => [name, value]));
const variables = {
  each,
  azurerm: byName('azurerm'),
  azuread: byName('azuread'),
  data: { azuread_application: byName({ client: { id: 'id' } }) },
};

/**
 * What HashiCorp's parser makes of a Terraform file: its content, after all escapes.
 * @throws with the parser's diagnostics for a file that is at fault, or not formatted as `terraform fmt` does.
 */
export function parseTerraform(text: string): Terraform {
  const folder = mkdtempSync(join(tmpdir(), 'imds-proxy-hcl-'));
  const run = (tool: 'hcldec' | 'hclfmt', args: readonly string[]): string =>
    execFileSync(findGoTool(tool) ?? tool, args, {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
    });
  try {
    writeFileSync(join(folder, 'spec.hcldec'), spec);
    writeFileSync(join(folder, 'vars.json'), JSON.stringify(variables));
    writeFileSync(join(folder, 'file.tf'), text);
    const formatted = run('hclfmt', ['file.tf']);
    if (formatted !== text) throw new Error(`not formatted as terraform fmt does:\n${formatted}`);
    // Several blocks of one name are usual for providers alone, and hcldec wants names to be different.
    let count = 0;
    const unique = text.replace(/^provider "(\w+)"/gm, (_, name: string) => {
      count += 1;
      return `provider "${name} ${count}"`;
    });
    writeFileSync(join(folder, 'file.tf'), unique);
    return JSON.parse(run('hcldec', ['--spec=spec.hcldec', '--vars=vars.json', 'file.tf']));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
