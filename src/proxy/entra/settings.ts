/**
 * What an exchange needs to know of the configuration. Plain JSON: the server sends it to the exchanger
 * process as it is.
 */
export interface EntraSettings {
  /** Origin of the authority, such as `https://login.microsoftonline.com`: https, no path, no slash. */
  readonly authorityHost: string;
  /** Absolute path of the projected ServiceAccount token: AZURE_FEDERATED_TOKEN_FILE. */
  readonly federatedTokenFile: string;
}
