import { ProxyError } from '../errors.ts';

/** Longer than any App ID URI; what Entra would answer to more is not worth asking. */
const maxLength = 2_048;

const spaceOrControl = /[\s\p{Cc}\p{Cf}]/u;

/**
 * Accepts a decoded `resource`, which is used and echoed as it is: clients compare it.
 * White space is refused however it was encoded (`+`, `%20`, a raw or encoded control character):
 * to Entra it would separate two scopes, an answer it never gives one token for.
 * @throws ProxyError with ERR_RESOURCE_MISSING or ERR_RESOURCE_INVALID.
 */
export function assertResource(resource: string | undefined): asserts resource is string {
  if (resource === undefined || resource === '') {
    throw new ProxyError('ERR_RESOURCE_MISSING', 'query has no resource');
  }
  if (resource.length > maxLength) {
    throw new ProxyError('ERR_RESOURCE_INVALID', 'resource is too long', {
      description: `The resource is longer than ${maxLength} characters`,
    });
  }
  if (spaceOrControl.test(resource)) {
    throw new ProxyError('ERR_RESOURCE_INVALID', 'resource has white space or control characters', {
      description:
        "The resource contains white space or control characters (a '+' in a query is a space; write %2B for a plus sign)",
    });
  }
}

/** The form in which resources are compared with the allow-list: lower case, no slash at the end. */
export function toComparableResource(resource: string): string {
  return resource.toLowerCase().replace(/\/$/, '');
}
