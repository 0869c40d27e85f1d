import { ProxyError } from '../errors.ts';

/** What a caller is told whose exchange would be one too many. @param running how many there are */
export function toCrowded(running: number): ProxyError {
  return new ProxyError('ERR_THROTTLED', `${running} exchanges are running already`, {
    description: `Microsoft Entra is being asked for ${running} other tokens already`,
    retryAfterSeconds: 1,
  });
}
