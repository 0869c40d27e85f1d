import {
  isInRange,
  type Network,
  parseNetwork,
  parseRange,
  type Range,
  toBounds,
} from './network.ts';

/** Packets that somebody else's rules are judged by. A field that is undefined may have any value. */
export interface Packets {
  readonly destinations: readonly Network[];
  readonly protocol?: 'tcp';
  readonly ports?: Range;
  readonly uid?: number;
  readonly gid?: number;
}

/** Whether a rule matches: all of the packets, none, or that cannot be told. */
export type Answer = 'yes' | 'no' | 'maybe';

/** What a rule does with a packet that it matches. */
export type Action =
  /** `continue` proceeds to the next rule; `capture` sends the packet elsewhere or past translation. */
  'continue' | 'accept' | 'return' | 'drop' | 'capture' | 'unknown' | Jump;

/** The rules of another chain decide; after `goto` none of this chain follow. */
interface Jump {
  readonly jump: string;
  readonly isGoto?: boolean;
}

/** One rule of a chain that may run before ours. */
export interface ForeignRule {
  /** As the backend lists it. */
  readonly text: string;
  readonly matches: (packets: Packets) => Answer;
  readonly action: Action;
}

/** A chain that hooks into OUTPUT, with the rules that run before ours, or all where ours are elsewhere. */
export interface HookedChain {
  /** Such as `iptables-legacy nat OUTPUT`. */
  readonly name: string;
  /** Only rules of type `nat` translate; in other chains ACCEPT changes nothing for later ones. */
  readonly isNat: boolean;
  /** A lower one runs earlier. */
  readonly priority: number;
  readonly rules: readonly ForeignRule[];
  /** The rules of a chain of the same table. */
  readonly chain: (name: string) => readonly ForeignRule[];
}

/** A rule that may take packets before ours see them. */
export interface Capture {
  readonly text: string;
  /** The effect of the rule is unknown. */
  readonly isUncertain: boolean;
}

/**
 * The first rule of a chain that may capture some of the packets.
 * @param endsAtAccept our rules come later in this chain, so that ACCEPT and RETURN skip them
 */
export function findCapture(
  { rules, chain }: HookedChain,
  packets: Packets,
  endsAtAccept: boolean,
): Capture | undefined {
  const seen = new Set<string>();
  const walk = (walked: readonly ForeignRule[], isTop: boolean): Capture | undefined => {
    let uncertain: Capture | undefined;
    for (const { text, matches, action } of walked) {
      if (matches(packets) === 'no') continue;
      if (typeof action === 'object') {
        if (seen.has(action.jump)) continue;
        seen.add(action.jump);
        const inside = walk(chain(action.jump), false);
        if (inside === undefined) continue;
        const found = { text: `${text} … ${inside.text}`, isUncertain: inside.isUncertain };
        if (!found.isUncertain) return found;
        uncertain ??= found;
      } else if (action === 'unknown') {
        uncertain ??= { text, isUncertain: true };
      } else if (
        action === 'capture' ||
        (endsAtAccept && (action === 'accept' || (action === 'return' && isTop)))
      ) {
        return { text, isUncertain: false };
      }
    }
    return uncertain;
  };
  return walk(rules, true);
}

/** Whether a chain captures each of the packets for certain, if it sees them at all. */
export function capturesAll({ rules, chain }: HookedChain, packets: Packets): boolean {
  type End = 'captured' | 'passed' | 'unknown' | undefined;
  const walk = (walked: readonly ForeignRule[], depth: number): End => {
    for (const { matches, action } of walked) {
      const answer = matches(packets);
      if (answer === 'no' || action === 'continue') continue;
      const end = typeof action === 'object' ? follow(action, depth) : ends[action];
      if (end === undefined) continue;
      if (answer === 'yes') return end === 'returned' ? undefined : end;
      // Not sure to match: harmless only if what follows captures as well.
      if (end !== 'captured') return 'unknown';
    }
    return undefined;
  };
  // The kernel allows 16 levels.
  const follow = ({ jump, isGoto }: Jump, depth: number): End =>
    depth > 16 ? 'unknown' : (walk(chain(jump), depth + 1) ?? (isGoto ? 'passed' : undefined));
  return walk(rules, 0) === 'captured';
}

const ends = {
  accept: 'passed',
  return: 'returned',
  drop: 'captured',
  capture: 'captured',
  unknown: 'unknown',
} as const;

/** How a wanted range relates to the packets' own; `parts` are alternatives. */
function compare(parts: readonly Range[], own: readonly Range[] | undefined): Answer {
  if (own === undefined) return 'maybe';
  const isInside = own.every(({ from, to }) =>
    parts.some((part) => isInRange(from, part) && isInRange(to, part)),
  );
  if (isInside) return 'yes';
  const isApart = own.every(({ from, to }) =>
    parts.every((part) => to < part.from || from > part.to),
  );
  return isApart ? 'no' : 'maybe';
}

/** One condition of a rule, on a field that the packets have. */
export type Field = 'destination' | 'protocol' | 'port' | 'uid' | 'gid';

/**
 * Judges one condition.
 * @param values the possible values of the field, as text; one that cannot be read makes the answer `maybe`
 */
export function judge(field: Field, values: readonly string[], packets: Packets): Answer {
  switch (field) {
    case 'destination': {
      const networks = values.map(parseNetworkOrRange);
      if (!areAll(networks)) return 'maybe';
      return compare(networks, packets.destinations.map(toBounds));
    }
    case 'protocol':
      if (packets.protocol === undefined) return 'maybe';
      return values.some((value) => value === 'tcp' || value === '6') ? 'yes' : 'no';
    case 'port':
      return judgeNumbers(values, packets.ports);
    case 'uid':
      return judgeNumbers(values, toSingle(packets.uid));
    case 'gid':
      return judgeNumbers(values, toSingle(packets.gid));
  }
}

function judgeNumbers(values: readonly string[], own: Range | undefined): Answer {
  const ranges = values.map((value) => parseRange(value.replace(':', '-'), '-'));
  return areAll(ranges) ? compare(ranges, own && [own]) : 'maybe';
}

function toSingle(value: number | undefined): Range | undefined {
  return value === undefined ? undefined : { from: value, to: value };
}

function parseNetworkOrRange(text: string): Range | undefined {
  const [first = '', last] = text.split('-');
  const [from, to] = [parseNetwork(first), parseNetwork(last ?? first)];
  return from && to && { from: toBounds(from).from, to: toBounds(to).to };
}

function areAll<T>(values: readonly (T | undefined)[]): values is readonly T[] {
  return values.every((value) => value !== undefined);
}

export function invert(answer: Answer): Answer {
  switch (answer) {
    case 'yes':
      return 'no';
    case 'no':
      return 'yes';
    case 'maybe':
      return 'maybe';
  }
}

/** All conditions must hold. */
export function both(answers: readonly Answer[]): Answer {
  if (answers.includes('no')) return 'no';
  return answers.includes('maybe') ? 'maybe' : 'yes';
}

const actionsByTarget: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['ACCEPT', 'accept'],
  ['RETURN', 'return'],
  ['DROP', 'drop'],
  ['REJECT', 'drop'],
  ['DNAT', 'capture'],
  ['REDIRECT', 'capture'],
  ['NETMAP', 'capture'],
  ['NOTRACK', 'capture'],
  ['CT', 'capture'],
  ...[
    ...['AUDIT', 'CHECKSUM', 'CLASSIFY', 'CONNMARK', 'CONNSECMARK', 'DSCP', 'ECN', 'HL', 'HMARK'],
    ...['IDLETIMER', 'LED', 'LOG', 'MARK', 'NFLOG', 'RATEEST', 'SECMARK', 'SET', 'TCPMSS'],
    ...['TCPOPTSTRIP', 'TEE', 'TOS', 'TRACE', 'TTL'],
  ].map((target): [string, Action] => [target, 'continue']),
]);

/** What an iptables target does; a target that is not a built-in one may be a chain. */
export function toAction(target: string): Action | undefined {
  return actionsByTarget.get(target);
}
