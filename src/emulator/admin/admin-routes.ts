import type { Emulator } from '../api.ts';
import { parseIdentity } from '../entra-tenant/parse-identity.ts';
import { parseFault } from '../faults/fault.ts';
import {
  InputError,
  integerWithin,
  listOf,
  oneOf,
  optional,
  parseBoolean,
  parseFields,
  parseGuid,
  parseText,
} from '../input.ts';
import type { AssertionOverrides } from '../kubernetes-issuer/projected-token.ts';
import type { TokenProxy } from '../token-proxy/token-proxy.ts';
import type { AdminRoutes } from './admin-handler.ts';

const weekSeconds = 7 * 24 * 3600;

/** The admin API of a running emulator, for demos and compose files that break things on purpose. */
export function createAdminRoutes(emulator: Emulator): AdminRoutes {
  const { faults, journal, identities } = emulator;
  const requireTokenProxy = (): TokenProxy => {
    if (emulator.tokenProxy !== undefined) return emulator.tokenProxy;
    throw new InputError('there is no token proxy: start the emulator with --identity-binding');
  };
  return {
    '/': { GET: () => emulator.describe() },
    '/faults': {
      GET: () => faults.list(),
      PUT: (body) => {
        faults.replace(parseFaults(body));
        return faults.list();
      },
      POST: (body) => {
        faults.add(parseFault(body));
        return faults.list();
      },
      DELETE: () => faults.clear(),
    },
    '/journal': {
      GET: () => journal.entries(),
      DELETE: () => journal.clear(),
    },
    '/identities': {
      GET: () => identities.list(),
      POST: (body) => emulator.addIdentity(parseIdentity(body)),
      DELETE: (body) => {
        const fields = parseFields(body, 'the body', ['clientId']);
        const clientId = parseGuid(fields['clientId'], 'clientId');
        if (!identities.remove(clientId)) throw new InputError(`no identity has ${clientId}`);
      },
    },
    '/token-file': {
      PUT: (body) => emulator.projectToken(parseOverrides(body ?? {})),
    },
    '/bindings': {
      GET: () => requireTokenProxy().bindings.list(),
      PUT: (body) => {
        const fields = parseFields(body, 'the body', ['clientId', 'subjects']);
        const clientId = parseGuid(fields['clientId'], 'clientId');
        const subjects = listOf(parseText)(fields['subjects'], 'subjects');
        const identity = identities.list().find((one) => one.clientId === clientId);
        if (identity?.kind !== 'managed-identity') {
          throw new InputError(`no managed identity has ${clientId}`);
        }
        requireTokenProxy().bind(identity, subjects);
      },
      DELETE: (body) => {
        const fields = parseFields(body, 'the body', ['clientId']);
        const clientId = parseGuid(fields['clientId'], 'clientId');
        if (!requireTokenProxy().bindings.remove(clientId)) {
          throw new InputError(`no binding has ${clientId}`);
        }
      },
    },
    '/rotate': {
      POST: async (body) => {
        const fields = parseFields(body, 'the body', ['target', 'retireOld']);
        const target = oneOf(['token-file', 'issuer-key', 'tenant-key', 'token-proxy-ca'])(
          fields['target'],
          'target',
        );
        const retireOld = optional(fields, 'retireOld', parseBoolean) ?? false;
        if (target === 'token-file') await emulator.rotateTokenFile();
        else if (target === 'issuer-key') await emulator.rotateIssuerKey({ retireOld });
        else if (target === 'tenant-key') await emulator.rotateTenantKey({ retireOld });
        else await requireTokenProxy().rotateCa({ retireOld });
      },
    },
  };
}

/** One fault or a list of them. */
function parseFaults(body: unknown) {
  return Array.isArray(body) ? listOf(parseFault)(body, 'the body') : [parseFault(body)];
}

function parseOverrides(body: unknown): AssertionOverrides {
  const fields = parseFields(body, 'the body', [
    'namespace',
    'serviceAccount',
    'issuer',
    'subject',
    'audiences',
    'lifetimeSeconds',
    'ageSeconds',
  ]);
  return {
    namespace: optional(fields, 'namespace', parseText),
    serviceAccount: optional(fields, 'serviceAccount', parseText),
    issuer: optional(fields, 'issuer', parseText),
    subject: optional(fields, 'subject', parseText),
    audiences: optional(fields, 'audiences', listOf(parseText)),
    lifetimeSeconds: optional(fields, 'lifetimeSeconds', integerWithin(1, weekSeconds)),
    ageSeconds: optional(fields, 'ageSeconds', integerWithin(-weekSeconds, weekSeconds)),
  };
}
