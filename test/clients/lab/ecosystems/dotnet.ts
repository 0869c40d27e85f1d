import { join } from 'node:path';
import type { Client } from '../client.ts';
import type { Ecosystem } from '../ecosystem.ts';
import { javascript } from './javascript.ts';
import { python } from './python.ts';

/**
 * What .NET applications of the registries carry. NuGet and the .NET SDK are not needed: Azure's MCP server comes
 * from npm as a self-contained application, and its libraries are called by the bridge pythonnet.
 */
export const dotnet: Ecosystem = {
  tools: [...javascript.tools, ...python.tools],
  sources: ({ program }) => [
    'python/answer.py',
    ...['lay-runtime', 'runtime', program].map((name) => `dotnet/${name}.py`),
  ],
  manifest: (client, lock) => javascript.manifest(toCarrier(client), lock),
  lockFiles: ['package-lock.json', 'requirements.txt', 'libraries.txt'],
  lock: (client) => [
    ...javascript.lock(toCarrier(client)),
    ...javascript.install(toCarrier(client)),
    ...python.lock(toBridge(client)),
    ['sh', '-c', 'python3 lay-runtime.py > libraries.txt'],
  ],
  install: (client) => [
    ...javascript.install(toCarrier(client)),
    ...python.install(toBridge(client)),
    // The catalogue names the library; that it is in the application must not be taken on trust.
    ['sh', '-c', 'python3 lay-runtime.py | diff libraries.txt -'],
  ],
  command: (client, directory) => [
    // Not every machine has ICU.
    ...['env', 'DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1', 'DOTNET_CLI_TELEMETRY_OPTOUT=1'],
    ...[join(directory, 'venv', 'bin', 'python'), join(directory, `${client.program}.py`)],
  ],
  findRegistry: [...javascript.findRegistry, ...python.findRegistry],
};

/** The application that carries the library, as a package of npm. */
function toCarrier(client: Client): Client {
  const [carrier = ''] = client.packages ?? [];
  const at = carrier.lastIndexOf('@');
  return { ...client, library: carrier.slice(0, at), version: carrier.slice(at + 1), packages: [] };
}

function toBridge(client: Client): Client {
  return { ...client, library: 'pythonnet', version: '3.2.1', packages: [] };
}
