/** What the filter needs of the outside. Texts are UTF-8; whatever fails throws an Error that says why. */
export interface InjectIo {
  /** False if somebody sits at the keyboard. */
  readonly isStdinPiped: boolean;
  readStdin(): Promise<string>;
  /** A file of manifests, of any size that a string can have. */
  readFile(path: string): Promise<string>;
  /** A file of settings or a key; undefined if it does not exist. */
  readSmallFile(path: string): Promise<string | undefined>;
  /** Replaces a file whole or not at all, or makes it. */
  writeFile(path: string, text: string): Promise<void>;
  /**
   * The files in a folder and its subfolders, in order; undefined if the path is not a folder. Links that lead
   * out of the folder are left out.
   */
  listFolder(path: string): Promise<Folder | undefined>;
  /** An environment variable. */
  variable(name: string): string | undefined;
  /** Resolves when all of it is written. */
  stdout(text: string): Promise<void>;
  stderr(text: string): void;
}

export interface Folder {
  readonly files: readonly string[];
  /** Links that lead out of the folder, or nowhere. */
  readonly outside: readonly string[];
}
