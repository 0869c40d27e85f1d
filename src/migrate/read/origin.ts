import type { Chunk } from '../../inject/manifest/split-documents.ts';
import type { Path } from '../../inject/manifest/value.ts';
import type { ListFrame } from '../../inject/workload.ts';

/** Where an object stands in the input, with the smallest text that holds it. */
export interface Origin {
  /** Name of the file for messages; `stdin` for standard input. */
  readonly file: string;
  /** Line of the file on which the object begins. */
  readonly line: number;
  /** The document, or the item of a List, that holds the object. It is a slice of the file and takes no memory. */
  readonly chunk: Chunk;
  /** Where in the value of that text the object is; for an item of a YAML List it is below the item's dash. */
  readonly path: Path;
  /** The List around it, whose items may lack apiVersion and kind. */
  readonly frame: ListFrame;
}
