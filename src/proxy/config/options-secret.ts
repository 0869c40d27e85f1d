import { accept, refuse, type ValueType } from '../../shared/option-table.ts';

/** As many as a GUID without dashes or 16 random bytes in hexadecimal have. */
const leastLength = 32;
/** Twice what any generator writes, and far below the limit for all headers together. */
const mostLength = 512;

/** A secret that travels as the value of an HTTP header. */
export const headerSecretValue: ValueType<string> = {
  label: 'secret',
  parse(text) {
    const fix = 'set 32 or more random letters and digits, such as openssl rand -hex 32 prints';
    if (text.length < leastLength) return refuse('is too short to be kept from guessing', fix);
    if (text.length > mostLength) return refuse(`is longer than ${mostLength} characters`, fix);
    if (!/^[\x21-\x7e]+$/.test(text)) {
      return refuse('has characters that not every client can put into a header', fix);
    }
    return accept(text);
  },
};
