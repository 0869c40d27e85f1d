import { issuerValue } from '../issuer/documents.ts';
import { resourceValue } from '../proxy/config/identities.ts';
import { proxyOptions } from '../proxy/config/options.ts';
import type { OptionTable } from '../shared/option-table.ts';
import { booleanValue, choiceValue, textValue } from '../shared/option-values.ts';
import { filesValue, pidValue } from './values.ts';

/** The flags of `proxy doctor`. None has a variable: the variables of the container are the proxy's. */
export const doctorOptions = {
  pid: {
    flag: 'pid',
    type: pidValue,
    group: 'Where to look from',
    help: 'The process of the proxy, if several run in this network namespace. By default the doctor finds it.',
  },
  asApp: {
    flag: 'as-app',
    type: booleanValue,
    default: 'false',
    group: 'Where to look from',
    help: 'Looks from the place of the application, in another container of the pod: where do its requests to the metadata service come out? Of the flags of the proxy, only --proxy-port is taken.',
  },
  issuer: {
    flag: 'issuer',
    type: issuerValue,
    group: 'The token issuer of a self-managed cluster',
    help: 'Looks from this machine at the public documents of this issuer, as Entra does.',
  },
  tokenFile: {
    flag: 'token-file',
    type: { ...textValue, label: 'file' },
    group: 'The token issuer of a self-managed cluster',
    help: 'A ServiceAccount token of the cluster: its issuer and its key are compared with the documents. It is not sent anywhere.',
  },
  publicKey: {
    flag: 'public-key',
    type: filesValue,
    group: 'The token issuer of a self-managed cluster',
    help: 'Public keys in PEM that must be published, with commas in between: during a rotation, the new key and the old one.',
  },
  exchange: {
    flag: 'exchange',
    type: booleanValue,
    default: 'false',
    group: 'What to look at',
    help: 'Also gets one token for each configured identity, as the proxy does, and drops it.',
  },
  resource: {
    flag: 'resource',
    type: resourceValue,
    group: 'What to look at',
    help: 'The resource of that token. By default the first of IMDS_PROXY_ALLOWED_RESOURCES, or the resource manager.',
  },
  output: {
    flag: 'output',
    type: choiceValue(['text', 'json']),
    default: 'text',
    group: 'Output',
    help: 'text for people, json for programs. docs/doctor.schema.json describes the JSON.',
  },
  bundle: {
    flag: 'bundle',
    type: { ...textValue, label: 'file' },
    group: 'Output',
    help: 'Also writes the report, versions and, in the sidecar, metrics and status as one archive (tar.gz) for a support case, without secrets. - is standard output; the report then goes to standard error. A file that exists is never overwritten.',
  },
  log: {
    flag: 'log',
    type: { ...textValue, label: 'file' },
    group: 'Output',
    help: 'The log of the proxy for the archive: the output of kubectl logs in a file, or - for standard input. Its last MiB is taken.',
  },
  verbose: {
    flag: 'verbose',
    type: booleanValue,
    default: 'false',
    group: 'Output',
    help: 'Shows the evidence of checks that passed as well.',
  },
} as const satisfies OptionTable;

/** With the settings of the proxy, for a machine on which none runs. */
export const allOptions = { ...proxyOptions, ...doctorOptions } as const satisfies OptionTable;
