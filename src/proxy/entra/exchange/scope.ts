import { ProxyError } from '../../errors.ts';

const SUFFIX = '/.default';

/** Entra's own limit for an application ID URI is far lower; what is longer is no resource. */
const MAX_LENGTH = 2_048;

/**
 * The v2 scope for a v1 resource. The resource is taken as it is: `https://database.windows.net/` becomes
 * `https://database.windows.net//.default`, since Entra takes all before the last slash for the audience
 * and that service wants the slash in it.
 * @throws ProxyError with ERR_RESOURCE_INVALID. White space would make it two scopes.
 */
export function toScope(resource: string): string {
  if (resource === '' || resource.length > MAX_LENGTH || /[\s\p{Cc}]/u.test(resource)) {
    const description = `The resource has to be one word of 1 to ${MAX_LENGTH} characters.`;
    throw new ProxyError('ERR_RESOURCE_INVALID', description, {
      description,
      hint: 'Pass the plain application ID URI or GUID of one resource, such as https://vault.azure.net.',
    });
  }
  return resource.endsWith(SUFFIX) ? resource : `${resource}${SUFFIX}`;
}
