import { formatOptions } from '../shared/options-help.ts';
import { migrateOptions } from './options.ts';

/** What `migrate --help` prints. */
export function formatHelp(): string {
  return `Usage: proxy migrate [flags] [file, folder or -]...

Plans the way from AAD Pod Identity to the proxy, from files alone: it contacts no cluster and no
Azure. It finds which workloads use which identity, and says for each which ServiceAccount and
which federated credentials it needs, and names the obstacles.

  pod_identity=azureidentities,azureidentitybindings,azurepodidentityexceptions
  kubectl get $pod_identity,ns,sa,deploy,sts,ds,cronjobs,jobs,pods -A -o yaml |
    proxy migrate --issuer=https://… --tenant-id=…

Exit code 0: done; 1: the input is at fault, or with --check something still depends on AAD Pod
Identity; 2: malformed command line.

${formatOptions(migrateOptions)}
`;
}
