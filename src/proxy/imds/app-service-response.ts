import type { AppServiceVersion } from './app-service-request.ts';
import type { AnswerableToken } from './response.ts';

/**
 * The body of a successful answer, with the keys and types of App Service: all values are strings, and no
 * `expires_in`, so that every client goes by `expires_on`. Version 2017-09-01 writes that as a date, in
 * the form of App Service on Linux, which the clients of its time parse.
 */
export function toAppServiceBody(version: AppServiceVersion, token: AnswerableToken): string {
  return JSON.stringify({
    access_token: token.accessToken,
    client_id: token.identity.clientId,
    expires_on: toExpiresOn(version, Math.floor(token.expiresAtSeconds)),
    resource: token.resource,
    token_type: 'Bearer',
  });
}

function toExpiresOn(version: AppServiceVersion, epochSeconds: number): string {
  switch (version) {
    case '2017-09-01':
      return toDateText(epochSeconds);
    case '2019-08-01':
      return String(epochSeconds);
    default:
      return version satisfies never;
  }
}

/** `MM/dd/yyyy HH:mm:ss +00:00` */
function toDateText(epochSeconds: number): string {
  const iso = new Date(epochSeconds * 1_000).toISOString();
  const [year, month, day] = iso.slice(0, 10).split('-');
  return `${month}/${day}/${year} ${iso.slice(11, 19)} +00:00`;
}
