import type { IncomingHttpHeaders } from 'node:http';
import type { WireAnswer } from '../http/wire-answer.ts';

/** A request whose token is in order. */
export interface ServiceRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  /** Whose token it is. */
  readonly clientId: string;
}

export interface ServiceAnswer extends WireAnswer {
  readonly headers?: Readonly<Record<string, string>>;
}

/** One of Azure's services, with what its clients read of it. Pure: tokens are checked beforehand. */
export interface AzureService {
  /** The name that clients reach it by, as Azure has it. */
  readonly host: string;
  /** Resources whose tokens it takes, without a slash at the end. */
  readonly audiences: readonly string[];
  answer(request: ServiceRequest): ServiceAnswer;
  /** The 401 for a request without a token, or with one that is not in order. */
  challenge(why: string): ServiceAnswer;
}
