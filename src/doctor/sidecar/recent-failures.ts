import type { Status } from '../../proxy/admin/status-page.ts';
import { parseObject } from '../../proxy/entra/exchange/assertion.ts';
import { createTextFilter } from '../../shared/untrusted-text.ts';
import { type Check, type Finding, fail, ok, skip, warn } from '../engine/check.ts';
import { toFix } from './failure.ts';
import type { AdminAnswers } from './proxy-checks.ts';

const clean = createTextFilter([]);

/** The exchanges of the running proxy that fail at the moment, in its own words. */
export function createRecentFailuresCheck({ status }: AdminAnswers): Check {
  return {
    id: 'recent-exchanges',
    needs: ['admin-port'],
    async run() {
      const answer = await status();
      const page = parseObject(answer.text) as Partial<Status> | undefined;
      if (answer.status !== 200 || page?.keys === undefined) {
        return skip(`/statusz answers with status ${answer.status}`);
      }
      return judgeKeys(page.keys);
    },
  };
}

/** Judges the keys of the cache. The one without a token matters most. */
export function judgeKeys(keys: Status['keys']): Finding {
  const failing = keys.flatMap(({ failing: failure }) => (failure === undefined ? [] : [failure]));
  const [worst] = failing.toSorted((a, b) => Number(a.hasToken) - Number(b.hasToken));
  const tokens = keys.filter(({ expiresAtSeconds }) => expiresAtSeconds !== undefined).length;
  if (worst === undefined) {
    return keys.length === 0
      ? ok('no application has asked for a token yet')
      : ok(`${tokens} of ${keys.length} keys have a token, none fails`);
  }
  const { identity, resource, code, aadsts, message, failures } = worst;
  const others = failing.length === 1 ? '' : `; ${failing.length - 1} other keys fail`;
  const number = aadsts === undefined ? '' : ` AADSTS${aadsts}`;
  const details = {
    evidence: {
      'client ID': identity.clientId,
      tenant: identity.tenantId,
      resource,
      'failed in a row': failures,
      message: clean(message, 600),
    },
    fix: toFix(worst),
    docs:
      aadsts === undefined ? 'docs/errors.md#codes' : 'docs/troubleshooting.md#by-aadsts-number',
  };
  return worst.hasToken
    ? warn(`the renewal of a token fails: ${code}${number}${others}`, details)
    : fail(`the proxy gets no token for ${resource}: ${code}${number}${others}`, details);
}
