import { describe, expect, test } from 'vitest';
import { accepted, clientId, otherClientId } from './load.ts';

describe('warnings', () => {
  test.each(['0.0.0.0', '::', '10.0.0.5', '169.254.169.254'])('bound to %s', (address) => {
    expect(accepted({ IMDS_PROXY_BIND_ADDRESS: address }).warnings).toEqual([
      `IMDS_PROXY_BIND_ADDRESS: every process that can connect to ${address} port 8000 can get tokens; set 127.0.0.1, or make sure that only the application can connect`,
    ]);
  });

  test.each(['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'])(
    'not when bound to %s',
    (address) => {
      expect(accepted({ IMDS_PROXY_BIND_ADDRESS: address }).warnings).toEqual([]);
    },
  );

  test('a setting of the exchanger process, whatever its value', () => {
    const text =
      'ignored: this setting was removed (the proxy itself requests tokens, there is no exchanger process); delete it, the next release will not accept it';
    expect(accepted({ IMDS_PROXY_EXCHANGER_LINGER: 'nonsense' }).warnings).toEqual([
      `IMDS_PROXY_EXCHANGER_LINGER: ${text}`,
    ]);
    expect(accepted({}, ['--exchanger-prestart=off']).warnings).toEqual([
      `--exchanger-prestart: ${text}`,
    ]);
  });

  test('no client ID, unless the map has an identity', () => {
    expect(accepted({ AZURE_CLIENT_ID: '' }).warnings).toEqual([
      "AZURE_CLIENT_ID: not set, so requests that name no identity are refused; set the annotation azure.workload.identity/client-id on the pod's ServiceAccount and recreate the pod, or set the variable",
    ]);
    const IMDS_PROXY_IDENTITIES = JSON.stringify([{ clientId }]);
    expect(accepted({ AZURE_CLIENT_ID: '', IMDS_PROXY_IDENTITIES }).warnings).toEqual([]);
  });

  test('an identity that the allow-list forbids', () => {
    const { warnings } = accepted({
      IMDS_PROXY_ALLOWED_CLIENT_IDS: '00000000-0000-0000-0000-000000000000',
      IMDS_PROXY_IDENTITIES: JSON.stringify([{ clientId }, { clientId: otherClientId }]),
    });
    expect(warnings).toEqual([
      `AZURE_CLIENT_ID: ${clientId} is not in IMDS_PROXY_ALLOWED_CLIENT_IDS, so requests for it are refused; add it there if it should get tokens`,
      `IMDS_PROXY_IDENTITIES: ${otherClientId} is not in IMDS_PROXY_ALLOWED_CLIENT_IDS, so requests for it are refused; add it there if it should get tokens`,
    ]);
    const both = { IMDS_PROXY_ALLOWED_CLIENT_IDS: `${clientId} ${otherClientId}` };
    expect(accepted(both).warnings).toEqual([]);
  });
});
