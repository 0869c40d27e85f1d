import { type Client, type EcosystemName, toEcosystemName } from './client.ts';
import type { Ecosystem } from './ecosystem.ts';
import { debian } from './ecosystems/debian.ts';
import { withDebianLibraries } from './ecosystems/debian-libraries.ts';
import { dotnet } from './ecosystems/dotnet.ts';
import { go } from './ecosystems/go.ts';
import { java } from './ecosystems/java.ts';
import { javascript } from './ecosystems/javascript.ts';
import { npmProgram } from './ecosystems/npm-program.ts';
import { python } from './ecosystems/python.ts';
import { rust } from './ecosystems/rust.ts';
import { shell } from './ecosystems/shell.ts';

export const ecosystems: Readonly<Record<EcosystemName, Ecosystem>> = {
  JavaScript: javascript,
  shell,
  Python: python,
  Go: go,
  Java: java,
  Rust: rust,
  '.NET': dotnet,
  'npm program': npmProgram,
  Debian: debian,
};

export function toEcosystem(client: Client): Ecosystem {
  const ecosystem = ecosystems[toEcosystemName(client)];
  return client.libraries === undefined ? ecosystem : withDebianLibraries(ecosystem);
}
