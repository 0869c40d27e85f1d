/** A file of an archive. */
export interface Entry {
  /** Relative, with slashes, at most 100 bytes. */
  readonly name: string;
  readonly content: Buffer;
}

const blockBytes = 512;

/**
 * Writes files as a tar archive in the POSIX format (ustar), readable by their owner alone.
 * @throws Error if a name is too long
 */
export function toTar(entries: readonly Entry[], modifiedAtSeconds: number): Buffer {
  const blocks = entries.flatMap(({ name, content }) => [
    toHeader(name, content.length, modifiedAtSeconds),
    content,
    Buffer.alloc((blockBytes - (content.length % blockBytes)) % blockBytes),
  ]);
  // Two blocks of zeros end an archive.
  return Buffer.concat([...blocks, Buffer.alloc(2 * blockBytes)]);
}

function toHeader(name: string, size: number, modifiedAtSeconds: number): Buffer {
  if (Buffer.byteLength(name) > 100) throw new Error(`a name of more than 100 bytes: ${name}`);
  const header = Buffer.alloc(blockBytes);
  const octal = (value: number, offset: number, width: number): void => {
    header.write(`${value.toString(8).padStart(width - 1, '0')}\0`, offset);
  };
  header.write(name, 0);
  octal(0o600, 100, 8);
  // Owner and group are root: nobody learns the user that made it.
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(modifiedAtSeconds, 136, 12);
  // The sum is taken with spaces in its own place.
  header.fill(' ', 148, 156);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}
