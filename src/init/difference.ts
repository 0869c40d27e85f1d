import type { Snapshot } from './backend.ts';
import { formatIptablesRule } from './iptables-rule.ts';
import { chainNames, type Rule, type Ruleset } from './ruleset.ts';

/** The first way in which what a backend holds is not `wanted`; undefined if it is that and nothing else. */
export function findDifference(
  wanted: Ruleset,
  { ruleset, unknown }: Snapshot,
): string | undefined {
  for (const name of chainNames) {
    const [expected, actual] = [toText(wanted[name]), toText(ruleset[name])];
    if (expected !== actual) return `${name} should hold ${expected}, and holds ${actual}`;
  }
  const [stray] = unknown;
  return stray === undefined ? undefined : `there is also "${stray}"`;
}

function toText(rules: readonly Rule[]): string {
  return rules.length === 0
    ? 'nothing'
    : rules.map((rule) => `"${formatIptablesRule(rule)}"`).join(' ');
}
