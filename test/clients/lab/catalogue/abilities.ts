import type { Ability } from '../client.ts';

/** Tokens, each selector, and both kinds of chains. */
export const everything: readonly Ability[] = [
  'token',
  'clientId',
  'objectId',
  'resourceId',
  'chain',
  'defaultChain',
];
/** Tokens for each selector, of a library without chains. */
export const selectors: readonly Ability[] = ['token', 'clientId', 'objectId', 'resourceId'];
