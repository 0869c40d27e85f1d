import { toJsonAnswer } from '../http/wire-answer.ts';
import type { AzureService, ServiceAnswer, ServiceRequest } from './service.ts';

const resource = 'https://management.azure.com';

/** As much of Azure Resource Manager as a tool needs to log in: the tenants and subscriptions of a caller. */
export function createResourceManager({
  tenantId,
  subscription,
  readers,
}: {
  readonly tenantId: string;
  readonly subscription: { readonly id: string; readonly name: string };
  /** Client IDs of those that have a role in the subscription. Others see none. */
  readonly readers: readonly string[];
}): AzureService {
  const described = {
    id: `/subscriptions/${subscription.id}`,
    subscriptionId: subscription.id,
    tenantId,
    displayName: subscription.name,
    state: 'Enabled',
    authorizationSource: 'RoleBased',
    managedByTenants: [],
  };

  const answer = ({ method, url, clientId }: ServiceRequest): ServiceAnswer => {
    if (!url.searchParams.has('api-version')) {
      return toError(400, 'MissingApiVersionParameter', 'there is no api-version');
    }
    if (method !== 'GET') return toError(405, 'MethodNotAllowed', `${method} is not answered`);
    const isReader = readers.includes(clientId);
    switch (url.pathname.toLowerCase()) {
      case '/subscriptions':
        return toJsonAnswer(200, { value: isReader ? [described] : [] });
      case '/tenants':
        return toJsonAnswer(200, {
          value: [{ id: `/tenants/${tenantId}`, tenantId, displayName: 'Emulated' }],
        });
      default:
        return isReader && url.pathname.toLowerCase() === described.id
          ? toJsonAnswer(200, described)
          : toError(404, 'ResourceNotFound', `there is nothing at ${url.pathname}`);
    }
  };

  return {
    host: 'management.azure.com',
    // The second is the one of the time before Resource Manager, which the Azure CLI still asks for.
    audiences: [resource, 'https://management.core.windows.net'],
    answer,
    challenge: (why) => ({
      ...toError(401, 'AuthenticationFailed', why),
      headers: {
        'WWW-Authenticate': `Bearer authorization_uri="https://login.microsoftonline.com/${tenantId}", error="invalid_token"`,
      },
    }),
  };
}

function toError(status: number, code: string, message: string): ServiceAnswer {
  return toJsonAnswer(status, { error: { code, message } });
}
