import type { ErrorCode, ProxyError } from '../errors.ts';
import { toClientText } from './client-text.ts';
import { describeError, type ErrorResponse } from './error-response.ts';

/** The text of the real service, captured; people look for it. */
const notFoundText =
  'No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.';

/**
 * An error as App Service writes it: the same status as for IMDS, and a body of `statusCode`, `message` and
 * `correlationId`, which are what the SDKs show of it.
 * @param requestId stands in for the correlation ID when Entra was not asked; the log has it, too.
 */
export function toAppServiceErrorResponse(error: ProxyError, requestId: string): ErrorResponse {
  const { status, retryAfterSeconds, description } = describeError(error);
  const { correlationId } = error.details;
  return {
    status,
    retryAfterSeconds,
    body: JSON.stringify({
      statusCode: status,
      message: isNotFound(error.code) ? toNotFound(error.details.hint) : description,
      correlationId: correlationId === undefined ? requestId : toClientText(correlationId),
    }),
  };
}

function toNotFound(hint: string | undefined): string {
  return hint === undefined ? notFoundText : `${notFoundText} Hint: ${toClientText(hint)}`;
}

function isNotFound(code: ErrorCode): boolean {
  return code === 'ERR_IDENTITY_NOT_FOUND' || code === 'ERR_IDENTITY_NOT_ALLOWED';
}
