import { accept, refuse, type ValueType } from '../shared/option-table.ts';
import { parseInteger } from '../shared/option-values.ts';

/** The number of a process. */
export const pidValue: ValueType<number> = {
  label: 'pid',
  parse(text) {
    const pid = parseInteger(text) ?? 0;
    if (pid >= 1 && pid <= 4_194_304) return accept(pid);
    return refuse('is not a process ID', 'set the number of the process, as ps prints it');
  },
};

/** Paths with commas in between; a path may have spaces. */
export const filesValue: ValueType<readonly string[]> = {
  label: 'file,…',
  parse(text) {
    const files = text.split(',').filter((file) => file !== '');
    return files.length > 0 ? accept(files) : refuse('names no file', 'name at least one file');
  },
};
