import type { OptionTable } from '../shared/option-table.ts';
import { textValue } from '../shared/option-values.ts';
import { issuerValue } from './documents.ts';

/** Flags of `proxy issuer documents`. */
export const documentOptions = {
  issuer: {
    flag: 'issuer',
    type: issuerValue,
    required: 'pass the URL of --service-account-issuer',
    group: 'Documents',
    help: 'The issuer, to the letter: as the API server, the tokens and the federated credentials have it.',
  },
  publicKey: {
    flag: 'public-key',
    type: { ...textValue, label: 'file' },
    required: 'pass the file of --service-account-key-file, such as sa.pub',
    group: 'Documents',
    help: 'A public key in PEM, or a certificate. May be repeated: before and during a rotation, pass the new key and the old one.',
  },
  keySetUrl: {
    flag: 'jwks-uri',
    type: { ...issuerValue, label: 'url' },
    group: 'Documents',
    help: 'Where the keys will be, if not at openid/v1/jwks below the issuer.',
  },
  output: {
    flag: 'output',
    type: { ...textValue, label: 'folder' },
    default: '.',
    group: 'Documents',
    help: 'The folder to write .well-known/openid-configuration and openid/v1/jwks into.',
  },
} as const satisfies OptionTable;
