import { formatFlags, formatOptions } from '../../shared/options-help.ts';
import { proxyOptions } from '../config/options.ts';

/** What follows the complaint about a malformed command line. */
export function formatUsage(): string {
  return `Usage: proxy [serve] [flags]

${formatFlags(proxyOptions)}

proxy --help explains them, and the environment variables that do the same.
`;
}

/** What `--help` prints. */
export function formatHelp(): string {
  return `Usage: proxy [serve] [flags]
       proxy doctor [flags] [file, folder or -]…
       proxy inject|uninject|migrate [flags] [file or folder …]
       proxy issuer documents [flags]

  serve     answers like Azure's instance metadata service on 169.254.169.254 and exchanges the
            pod's ServiceAccount token for Microsoft Entra tokens; the default
  doctor    says why the application gets no token, and what to change; proxy doctor --help
            explains it
  inject    puts the proxy into Kubernetes manifests; proxy inject --help explains it
  uninject  takes it out again
  migrate   plans the way from AAD Pod Identity; proxy migrate --help explains it
  issuer    writes the public documents of a self-managed cluster; proxy issuer --help

A flag may be written -x or --x, and its value after = or as the next argument. A flag comes
before the environment variable of the same meaning, and that before the default. An empty
variable counts as unset.

${formatOptions(proxyOptions)}
`;
}
