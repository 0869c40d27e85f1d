import type { Emulator } from '../../../src/emulator/api.ts';
import { createTokenCheck } from '../../../src/emulator/azure-services/bearer.ts';
import { systemClock } from '../../../src/emulator/clock.ts';
import { type ContentName, contents, isContentName } from './azure.ts';
import type { Seen } from './judge.ts';
import type { ProgramOutcome } from './run-program.ts';
import type { SelectorName } from './scenarios.ts';

/** What came of one request, with its token held against what the tenant has signed, and for whom. */
export async function toSeen(
  emulator: Emulator,
  { token = '', error, message = '' }: ProgramOutcome,
  { resource, selector }: { readonly resource: string; readonly selector: SelectorName },
): Promise<Seen> {
  if (error !== undefined) return { kind: 'error', error, message };
  if (isContentName(selector)) {
    return token === contents[selector].value
      ? { kind: selector }
      : { kind: 'wrong', why: `the ${selector} was ${token}` };
  }
  if (token === 'fallback') return { kind: 'fallback' };
  const check = createTokenCheck({ clock: systemClock, tenant: emulator });
  const holder = await check(token, [resource]);
  if (holder.kind === 'refused') {
    return { kind: 'wrong', why: `a token that is not right: ${holder.why}` };
  }
  return holder.clientId === toOwner(emulator, selector)
    ? { kind: 'token' }
    : { kind: 'wrong', why: `a token of ${holder.clientId}` };
}

/** Client ID of whom a selector asks for; undefined where nobody has a right to a token. */
function toOwner(
  { identities }: Emulator,
  selector: Exclude<SelectorName, ContentName>,
): string | undefined {
  const [orders, reports] = identities.list();
  switch (selector) {
    case 'default':
    case 'clientId':
      return orders?.clientId;
    case 'otherClientId':
    case 'objectId':
    case 'resourceId':
      return reports?.clientId;
    case 'unknownClientId':
      return undefined;
  }
}
