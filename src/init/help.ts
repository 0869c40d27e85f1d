import { formatOptions } from '../shared/options-help.ts';
import { initOptions } from './options.ts';

/** What `--help` prints, and what follows the complaint about a malformed command line. */
export function formatHelp(): string {
  return `Usage: proxy-init [apply|print|check|remove] [flags]

  apply   writes the redirect and proves it; this is what happens without a command
  print   prints the rules as text; needs no right
  check   proves that the redirect is in force as configured; changes nothing
  remove  takes the redirect away; succeeds where there is none

A flag comes before the environment variable of the same meaning, and that before the default.
An empty variable counts as unset.

${formatOptions(initOptions)}
`;
}
