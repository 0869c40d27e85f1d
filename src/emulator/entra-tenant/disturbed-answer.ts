import type { FaultEffect } from '../faults/fault.ts';
import { jsonType, toJsonAnswer, type WireAnswer } from '../http/wire-answer.ts';
import type { RefusalValues } from './aadsts-catalogue.ts';
import { type RequestIds, type TokenAnswer, toErrorAnswer } from './refusal.ts';

/** The effects that still end in an answer. */
type AnsweredEffect = Exclude<FaultEffect, { readonly kind: 'delay' | 'reset' | 'hang' }>;

/** An answer with its journal entry. */
export interface TokenWireAnswer extends WireAnswer {
  readonly error?: string | undefined;
  readonly aadsts?: number | undefined;
}

/** An answer without a fault. */
export function toWireAnswer({ status, body }: TokenAnswer): TokenWireAnswer {
  const { error, error_codes: codes } = body;
  return { ...toJsonAnswer(status, body), error, aadsts: codes?.[0] };
}

/** What a fault makes of the answer that the request would have had. */
export function toDisturbedAnswer(
  effect: AnsweredEffect,
  answer: TokenAnswer,
  ids: RequestIds,
  values: RefusalValues,
): TokenWireAnswer {
  switch (effect.kind) {
    case 'throttle': {
      const { retryAfterSeconds } = effect;
      return { ...toWireAnswer(toErrorAnswer(90055, values, ids)), retryAfterSeconds };
    }
    case 'server-error':
      return { ...toWireAnswer(toErrorAnswer(90033, values, ids)), status: effect.status };
    case 'refuse':
      return toWireAnswer(toErrorAnswer(effect.code, values, ids));
    case 'html':
      return { status: effect.status, contentType: 'text/html; charset=utf-8', body: page };
    case 'empty':
      return { status: 200, contentType: jsonType, body: '' };
    case 'malformed-json':
      return { status: 200, contentType: jsonType, body: '{"token_type":"Bearer","expires_in":' };
    case 'no-access-token': {
      const { access_token: _, ...rest } = answer.body;
      return toWireAnswer({ ...answer, body: rest });
    }
    case 'truncated':
      return { ...toWireAnswer(answer), isTruncated: true };
    // The endpoint has already answered as one that does not know the credentials.
    case 'not-propagated':
      return toWireAnswer(answer);
  }
}

const page =
  '<!DOCTYPE html>\r\n<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1><p>The page cannot be shown.</p></body></html>\r\n';
