import { join } from 'node:path';
import type { Client } from '../client.ts';
import type { Ecosystem } from '../ecosystem.ts';

export const rust: Ecosystem = {
  tools: ['cargo'],
  sources: ({ program }) => ['rust', `rust/${program}`],
  manifest: (client) => ({ 'Cargo.toml': toCargo(client) }),
  lockFiles: ['Cargo.lock'],
  lock: () => [['cargo', 'generate-lockfile', '--quiet']],
  // Two clients have most of their crates in common.
  install: () => [['cargo', 'build', '--quiet', '--locked', '--target-dir', '../rust-target']],
  command: ({ id }, directory) => [join(directory, '..', 'rust-target', 'debug', toCrate(id))],
  findRelease: ({ library }) => ['cargo', 'info', '--quiet', '--registry', 'crates-io', library],
  findRegistry: [['cargo', 'info', '--quiet', '--registry', 'crates-io', 'serde']],
};

/** A crate's name may not hold a dot, nor be that of a crate it depends on. */
function toCrate(id: string): string {
  return `client-${id.replaceAll('.', '-')}`;
}

function toCargo({ id, library, version, features = [], packages = [] }: Client): string {
  const wish = `{ version = "=${version}", features = ${JSON.stringify(features)} }`;
  return `[package]
name = "${toCrate(id)}"
version = "0.1.0"
edition = "2021"

[[bin]]
name = "${toCrate(id)}"
path = "main.rs"

[dependencies]
${[`${library} = ${wish}`, ...packages].join('\n')}

[profile.dev]
debug = false
`;
}
