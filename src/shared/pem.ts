/** Node and OpenSSL take both labels. */
const LABELS = ['CERTIFICATE', 'X509 CERTIFICATE'];

/**
 * The certificates in a text of PEM blocks, each with its BEGIN and END lines. Does not check their content:
 * whether a block can be parsed is for the caller to find. Takes time in proportion to the text, whatever it is.
 */
export function findPemCertificates(text: string): readonly string[] {
  const blocks: string[] = [];
  let from = 0;
  for (;;) {
    const begin = text.indexOf('-----BEGIN ', from);
    if (begin === -1) return blocks;
    const labelEnd = text.indexOf('-----', begin + 11);
    if (labelEnd === -1) return blocks;
    const label = text.slice(begin + 11, labelEnd);
    from = labelEnd + 5;
    if (!LABELS.includes(label)) continue;
    const end = text.indexOf(`-----END ${label}-----`, from);
    if (end === -1) return blocks;
    from = end + label.length + 14;
    blocks.push(text.slice(begin, from));
  }
}
