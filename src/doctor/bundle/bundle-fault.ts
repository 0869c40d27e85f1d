/** Why there is no archive. The message is for people: fault, place and fix. */
export class BundleFault extends Error {
  override readonly name = 'BundleFault';
}
