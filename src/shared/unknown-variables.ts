import { countEdits, findSimilar, formatSuggestion, toComparable } from './did-you-mean.ts';
import { toIpVersion } from './ip-address.ts';
import type { OptionTable } from './option-table.ts';
import type { Environment } from './options.ts';

/** What is wrong with the names of environment variables. Both lists contain whole messages. */
export interface UnknownVariables {
  /** The program must not start: a misspelt restriction restricts nothing. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

/** Shorter names are similar to each other by chance: FTP_PROXY is not a misspelt HTTP_PROXY. */
const shortestLookalike = 12;
const mostSlips = 2;

/**
 * Finds environment variables that look like an option of a table and are not one.
 *
 * A name that starts with `prefix` (in any case), or is similar to an option's name that does, is an error,
 * even if the variable is empty. A name that is similar to another option's (`AZURE_CLIENTID`) is a warning:
 * the variable may belong to another program. Variables that Kubernetes creates for Services are ignored.
 * @param program the program whose `--help` lists the options.
 */
export function findUnknownVariables(
  table: OptionTable,
  env: Environment,
  { prefix, program }: { readonly prefix: string; readonly program: string },
): UnknownVariables {
  const names = Object.values(table)
    .flatMap((option) => [option.env, option.envAlias])
    .filter((name) => name !== undefined);
  const known = new Set(names);
  const lookalikes = names.filter((name) => name.length >= shortestLookalike).map(toLookalike);

  const errors: string[] = [];
  const warnings: string[] = [];
  for (const [name, value = ''] of Object.entries(env)) {
    if (known.has(name) || isServiceLink(name, value)) continue;
    const comparable = toComparable(name);
    const meant = lookalikes.find((lookalike) => isLike(lookalike, comparable))?.name;
    if (name.toUpperCase().startsWith(prefix) || meant?.startsWith(prefix) === true) {
      const similar = meant === undefined ? findSimilarSettings(name, names, prefix) : [meant];
      const fix = formatSuggestion(similar) ?? `remove it (${program} --help lists all settings)`;
      errors.push(`${name}: unknown variable; ${fix}`);
    } else if (meant !== undefined) {
      warnings.push(
        `${name}: not a variable that the ${program} reads; ${formatSuggestion([meant])}`,
      );
    }
  }
  return { errors, warnings };
}

interface Lookalike {
  readonly name: string;
  readonly comparable: string;
  readonly thirds: readonly string[];
}

function toLookalike(name: string): Lookalike {
  const comparable = toComparable(name);
  const third = Math.floor(comparable.length / 3);
  return {
    name,
    comparable,
    thirds: [0, third, 2 * third].map((start) => comparable.slice(start, start + third)),
  };
}

function isLike({ comparable, thirds }: Lookalike, other: string): boolean {
  // Two slips leave one third of a name unchanged. Searching for that first saves the start most of the work.
  return (
    Math.abs(comparable.length - other.length) <= mostSlips &&
    thirds.some((third) => other.includes(third)) &&
    countEdits(comparable, other, mostSlips) <= mostSlips
  );
}

/** Compares without the prefix, which makes all names similar. */
function findSimilarSettings(
  name: string,
  names: readonly string[],
  prefix: string,
): readonly string[] {
  const byRest = new Map(names.map((each) => [each.replace(prefix, ''), each]));
  return findSimilar(name.slice(prefix.length), [...byRest.keys()]).map(
    (rest) => byRest.get(rest) ?? rest,
  );
}

const linkForms: readonly (readonly [name: RegExp, isValue: (value: string) => boolean])[] = [
  [/_SERVICE_HOST$/, isAddress],
  [/_SERVICE_PORT(?:_[A-Z0-9_]+)?$/, isNumber],
  [/_PORT(?:_\d+_(?:TCP|UDP|SCTP))?$/, isUrl],
  [/_PORT_\d+_(?:TCP|UDP|SCTP)_PROTO$/, (value) => /^(?:tcp|udp|sctp)$/.test(value)],
  [/_PORT_\d+_(?:TCP|UDP|SCTP)_PORT$/, isNumber],
  [/_PORT_\d+_(?:TCP|UDP|SCTP)_ADDR$/, isAddress],
];

/**
 * Whether Kubernetes created this variable for a Service: a Service named imds-proxy sets
 * IMDS_PROXY_PORT=tcp://… in every pod of its namespace. Name and value must both match, so that a misspelt
 * setting is not mistaken for one.
 */
function isServiceLink(name: string, value: string): boolean {
  return (
    /^[A-Z0-9_]+$/.test(name) &&
    linkForms.some(([form, isValue]) => form.test(name) && isValue(value))
  );
}

function isAddress(value: string): boolean {
  return toIpVersion(value) !== undefined;
}

function isNumber(value: string): boolean {
  return /^\d{1,5}$/.test(value);
}

function isUrl(value: string): boolean {
  return /^(?:tcp|udp|sctp):\/\/\S+:\d{1,5}$/.test(value);
}
