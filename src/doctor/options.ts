import { proxyOptions } from '../proxy/config/options.ts';
import type { OptionTable } from '../shared/option-table.ts';
import { booleanValue, choiceValue } from '../shared/option-values.ts';
import { pidValue } from './values.ts';

/** The flags of `proxy doctor`. None has a variable: the variables of the container are the proxy's. */
export const doctorOptions = {
  pid: {
    flag: 'pid',
    type: pidValue,
    group: 'Where to look from',
    help: 'The process of the proxy, if several run in this network namespace. By default the doctor finds it.',
  },
  output: {
    flag: 'output',
    type: choiceValue(['text', 'json']),
    default: 'text',
    group: 'Output',
    help: 'text for people, json for programs. docs/doctor.schema.json describes the JSON.',
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
