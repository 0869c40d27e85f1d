import { isGuid } from './guid.ts';
import { accept, refuse, type ValueType } from './option-table.ts';

/** A GUID, in lower case. */
export const guidValue: ValueType<string> = {
  label: 'guid',
  parse(text) {
    if (isGuid(text)) return accept(text.toLowerCase());
    return refuse('is not a GUID', 'write it like 00000000-0000-0000-0000-000000000000');
  },
};

const sharedTenants: ReadonlySet<string> = new Set(['common', 'organizations', 'consumers']);

/** The ID (a GUID) or a domain of one tenant, in lower case. */
export const tenantValue: ValueType<string> = {
  label: 'tenant',
  parse(text) {
    const tenant = text.toLowerCase();
    const fix =
      "set the tenant's ID (az account show --query tenantId), or a domain such as contoso.onmicrosoft.com";
    if (sharedTenants.has(tenant)) {
      return refuse('means any tenant, but a token comes from one tenant', fix);
    }
    if (tenant === 'adfs') {
      return refuse('means AD FS, which does not support workload identity federation', fix);
    }
    const isDomain =
      /^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/;
    if (isGuid(tenant) || isDomain.test(tenant)) return accept(tenant);
    return refuse('is not a GUID or a domain', fix);
  },
};
