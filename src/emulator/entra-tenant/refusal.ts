import { type AadstsCode, type RefusalValues, toAadstsAnswer } from './aadsts-catalogue.ts';

/** Thrown by whatever finds a request at fault; the token endpoint answers with it. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: AadstsCode;
  readonly values: RefusalValues;

  constructor(code: AadstsCode, values: RefusalValues = {}) {
    super(`AADSTS${code}`);
    this.code = code;
    this.values = values;
  }
}

/** What ties an answer to its request. */
export interface RequestIds {
  /** The client's `client-request-id`, or one of ours. */
  readonly correlationId: string;
  /** Entra's own name for the request; also the header `x-ms-request-id`. */
  readonly traceId: string;
  readonly epochMs: number;
}

/** An OAuth answer before it is written. */
export interface TokenAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>> & {
    readonly error?: string;
    readonly error_codes?: readonly number[];
  };
}

/** Entra's error answer: every field it sends, the text with its trace. */
export function toErrorAnswer(
  code: AadstsCode,
  values: RefusalValues,
  { correlationId, traceId, epochMs }: RequestIds,
): TokenAnswer {
  const { status, error, text } = toAadstsAnswer(code, values);
  const timestamp = toTimestamp(epochMs);
  return {
    status,
    body: {
      error,
      error_description: `AADSTS${code}: ${text} Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`,
      error_codes: [code],
      timestamp,
      trace_id: traceId,
      correlation_id: correlationId,
      error_uri: `https://login.microsoftonline.com/error?code=${code}`,
    },
  };
}

/** `2026-11-22 12:33:04Z`, as Entra writes it. */
function toTimestamp(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}
