import { formatOptions } from '../shared/options-help.ts';
import { commonOptions, injectOptions } from './options.ts';
import type { CommandName } from './parse-command.ts';

/** What `inject --help` and `uninject --help` print. */
export function formatHelp(name: CommandName): string {
  switch (name) {
    case 'inject':
      return `Usage: proxy inject [flags] [file, folder or -]...

Adds the proxy, its redirect and what they need to the pods of Kubernetes manifests, and prints
the result. Comments, order and layout stay; documents without pods stay byte for byte. Running
it again changes nothing, or brings the pods up to date with the flags. No cluster is asked.
What happened to each object is reported on standard error. Exit code 0: done; 1: a document is
at fault and was left alone; 2: malformed command line.

${formatOptions(injectOptions)}
`;
    case 'uninject':
      return `Usage: proxy uninject [flags] [file, folder or -]...

Takes out of Kubernetes manifests what inject has put in, and prints the result.

${formatOptions(commonOptions)}
`;
  }
}
