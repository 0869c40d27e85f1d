import type { ProxyError } from '../../errors.ts';
import type { RetryClass } from '../exchange/retry.ts';
import type { Presented } from './hints.ts';

/** Why an attempt brought no token, and when another one may. */
export interface Failure {
  readonly error: ProxyError;
  readonly retry: RetryClass;
}

/** What a failure is explained with. */
export interface FailureContext extends Presented {
  /** The ID that was sent. */
  readonly correlationId: string;
}
