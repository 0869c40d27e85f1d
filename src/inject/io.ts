/** What the filter needs of the outside. Texts are UTF-8; whatever fails throws an Error that says why. */
export interface InjectIo {
  /** False if somebody sits at the keyboard. */
  readonly isStdinPiped: boolean;
  readStdin(): Promise<string>;
  readFile(path: string): Promise<string>;
  /** Replaces a file whole or not at all. */
  writeFile(path: string, text: string): Promise<void>;
  /** The files in a folder and its subfolders, in order; undefined if the path is no folder. */
  listFolder(path: string): Promise<readonly string[] | undefined>;
  /** Resolves when all of it is written. */
  stdout(text: string): Promise<void>;
  stderr(text: string): void;
}
