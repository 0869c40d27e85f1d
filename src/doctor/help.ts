import { formatFlags, formatOptions } from '../shared/options-help.ts';
import { doctorOptions } from './options.ts';

const usage = `Usage: proxy doctor [flags] [file, folder or -]...`;

/** What follows the complaint about a malformed command line. */
export function formatDoctorUsage(): string {
  return `${usage}\n\n${formatFlags(doctorOptions)}\n\nproxy doctor --help explains them.\n`;
}

/** What `proxy doctor --help` prints. */
export function formatDoctorHelp(): string {
  return `${usage}

Says why the application gets no token, and what to change. Run it in the container of the proxy:

  kubectl exec POD -c azwi-proxy -- /proxy doctor

It uses the settings of the running proxy, changes nothing and prints no token. The checks are in
the order of causes: fix the first failure first. Exit code 0: nothing fails; 1: something fails;
2: malformed command line, or no archive. Where no proxy runs, it takes the flags and variables of the proxy.

With files, folders or -, it examines the Kubernetes objects in them instead, and names the causes
by the number of pods:

  kubectl get pod,sa,ns,events -n NAMESPACE -o yaml | proxy doctor -

With --as-app, it looks from another container of the pod, as a user of the application: where do
requests to 169.254.169.254 come out? docs/doctor.md has the command for kubectl debug.

With --issuer, it examines the public documents of a cluster's token issuer.

${formatOptions(doctorOptions)}
`;
}
