/** Whether a code of Node or OpenSSL means that TLS came to no agreement. */
export function isTlsFault(code: string): boolean {
  return /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_|ERR_SSL_|ERR_OSSL_|EPROTO$)/.test(
    code,
  );
}
