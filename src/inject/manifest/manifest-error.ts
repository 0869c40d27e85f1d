import type { Path } from './value.ts';

/** Where in a document something is wrong: a position in the file, or a part of the value. */
export type Place = { readonly line: number; readonly column: number } | { readonly path: Path };

/**
 * A document that cannot be read or changed. The message names the fault and the remedy; the
 * caller adds file, line and column.
 */
export class ManifestError extends Error {
  override readonly name: string = 'ManifestError';
  readonly place: Place;
  /** The text is a template that must be rendered first. */
  readonly isTemplate: boolean;

  constructor(message: string, place: Place, isTemplate = false) {
    super(message);
    this.place = place;
    this.isTemplate = isTemplate;
  }
}

/** A pod in which the proxy can never work, whatever the settings. */
export class UnsupportedPod extends ManifestError {
  override readonly name = 'UnsupportedPod';
  readonly reason: 'host-network' | 'windows' | 'virtual-node';

  constructor(reason: UnsupportedPod['reason'], message: string, place: Place) {
    super(message, place);
    this.reason = reason;
  }
}

export function templateError(place: Place): ManifestError {
  const message =
    'this is a template; render it first, for example with helm template, and pass the result';
  return new ManifestError(message, place, true);
}
