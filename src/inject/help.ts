import { formatOptions } from '../shared/options-help.ts';
import { commonOptions, injectOptions } from './options.ts';
import type { CommandName } from './parse-command.ts';

/** What `inject --help` and `uninject --help` print. */
export function formatHelp(name: CommandName): string {
  switch (name) {
    case 'inject':
      return `Usage: proxy inject [flags] [file, folder or -]...

Adds the proxy and its redirect to the pods in Kubernetes manifests and prints the result.
Comments, order and layout stay; documents without pods stay byte for byte. Running it again
changes nothing, or updates the pods with the flags. It contacts no cluster. Standard error gets
a line for each object and a summary. Exit code 0: done; 1: an object has an error and was left
alone, or with --check something would change; 2: malformed command line or defaults file.

${formatOptions(injectOptions)}
`;
    case 'uninject':
      return `Usage: proxy uninject [flags] [file, folder or -]...

Removes from Kubernetes manifests everything that inject has added, and prints the result.

${formatOptions(commonOptions)}
`;
  }
}
