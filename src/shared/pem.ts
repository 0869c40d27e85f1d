/** Node and OpenSSL take both labels. */
const LABELS = ['CERTIFICATE', 'X509 CERTIFICATE'];

/**
 * The certificates in a text of PEM blocks, each with its BEGIN and END lines. Does not check their content:
 * whether a block can be parsed is for the caller to find. Takes time in proportion to the text, whatever it is.
 */
export function findPemCertificates(text: string): readonly string[] {
  return findPemBlocks(text, (label) => LABELS.includes(label)).map(({ block }) => block);
}

export interface PemBlock {
  /** Such as `PUBLIC KEY`. */
  readonly label: string;
  /** With its BEGIN and END lines. */
  readonly block: string;
}

/** The blocks with wanted labels, up to the first one without its end. Otherwise as `findPemCertificates`. */
export function findPemBlocks(
  text: string,
  isWanted: (label: string) => boolean,
): readonly PemBlock[] {
  const blocks: PemBlock[] = [];
  let from = 0;
  for (;;) {
    const begin = text.indexOf('-----BEGIN ', from);
    if (begin === -1) return blocks;
    const labelEnd = text.indexOf('-----', begin + 11);
    if (labelEnd === -1) return blocks;
    const label = text.slice(begin + 11, labelEnd);
    from = labelEnd + 5;
    if (!isWanted(label)) continue;
    const end = text.indexOf(`-----END ${label}-----`, from);
    if (end === -1) return blocks;
    from = end + label.length + 14;
    blocks.push({ label, block: text.slice(begin, from) });
  }
}
