import { contents } from './azure.ts';
import type { Seen } from './judge.ts';
import type { Pod } from './pod.ts';
import type { ProgramOutcome } from './run-program.ts';
import type { SelectorName } from './scenarios.ts';

/** What came of one request, with its token held against what the tenant has signed. */
export async function toSeen(
  pod: Pod,
  { token, error, message = '' }: ProgramOutcome,
  { resource, selector }: { readonly resource: string; readonly selector: SelectorName },
): Promise<Seen> {
  if (error !== undefined) return { kind: 'error', error, message };
  if (selector === 'secret' || selector === 'blob') {
    return token === contents[selector].value
      ? { kind: selector }
      : { kind: 'wrong', why: `the ${selector} was ${token}` };
  }
  if (token === 'fallback') return { kind: 'fallback' };
  const [orders, reports] = pod.emulator.identities.list();
  const isOrders = selector === 'default' || selector === 'clientId';
  const clientId = (isOrders ? orders : reports)?.clientId ?? '';
  const why = await pod.findFault(token ?? '', resource, clientId);
  return why === undefined ? { kind: 'token' } : { kind: 'wrong', why };
}
