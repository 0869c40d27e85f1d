import type { Path } from './value.ts';

/** Where in a document something is wrong: a line of the file, or a part of the value. */
export type Place = { readonly line: number } | { readonly path: Path };

/**
 * A document that cannot be read or changed. The message says what is wrong and what to do about it; the
 * document's number and line are added by whoever knows them.
 */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
  readonly place: Place;

  constructor(message: string, place: Place) {
    super(message);
    this.place = place;
  }
}

export function templateError(place: Place): ManifestError {
  const message =
    'this is a template; render it first, for example with helm template, and pass the result';
  return new ManifestError(message, place);
}
