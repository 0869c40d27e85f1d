import type { Identity } from '../exchange.ts';

/** What an answer tells of a token; the token source's `Token` is one. */
export interface AnswerableToken {
  readonly accessToken: string;
  readonly identity: Identity;
  readonly resource: string;
  /** All three in seconds; the first two since 1970. */
  readonly expiresAtSeconds: number;
  readonly issuedAtSeconds: number;
  readonly extExpiresInSeconds: number;
}

/** Five minutes, as in every capture of the real service: a client whose clock is slow still accepts it. */
const notBeforeMarginSeconds = 300;

/**
 * The body of a successful answer, with the keys, order and types of the real service. Clients depend on
 * each of them: all values are strings (Rust and Go structs), the order is alphabetical and there is no
 * white space (SqlClient counts characters, mssql-jdbc reads one line and searches for
 * `"expires_in":"`), and there is no `refresh_in` (C++ takes it for the lifetime). `expires_in` is what
 * remains at `nowEpochMs`, without a margin, so that it agrees with `expires_on`.
 */
export function toTokenBody(token: AnswerableToken, nowEpochMs: number): string {
  const remainingSeconds = Math.floor(token.expiresAtSeconds) - Math.floor(nowEpochMs / 1_000);
  return JSON.stringify({
    access_token: token.accessToken,
    client_id: token.identity.clientId,
    expires_in: toInteger(Math.max(1, remainingSeconds)),
    expires_on: toInteger(token.expiresAtSeconds),
    ext_expires_in: toInteger(token.extExpiresInSeconds),
    not_before: toInteger(token.issuedAtSeconds - notBeforeMarginSeconds),
    resource: token.resource,
    token_type: 'Bearer',
  });
}

function toInteger(seconds: number): string {
  return String(Math.floor(seconds));
}
