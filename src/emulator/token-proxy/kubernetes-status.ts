import { toJsonAnswer, type WireAnswer } from '../http/wire-answer.ts';

const reasons = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  502: 'InternalError',
  504: 'Timeout',
} as const;

/** An error as the Kubernetes API tells it. */
export function toStatusAnswer(code: keyof typeof reasons, message: string): WireAnswer {
  return toJsonAnswer(code, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: reasons[code],
    code,
  });
}
