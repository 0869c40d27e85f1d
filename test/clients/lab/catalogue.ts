import { applications } from './catalogue/applications.ts';
import { cpp } from './catalogue/cpp.ts';
import { dotnet } from './catalogue/dotnet.ts';
import { go } from './catalogue/go.ts';
import { java } from './catalogue/java.ts';
import { javascript } from './catalogue/javascript.ts';
import { python } from './catalogue/python.ts';
import { rust } from './catalogue/rust.ts';
import { shell } from './catalogue/shell.ts';
import type { Client } from './client.ts';

/** Every client of the laboratory, in the order of its table. */
export const clients: readonly Client[] = [
  ...javascript,
  ...shell,
  ...python,
  ...go,
  ...java,
  ...rust,
  ...dotnet,
  ...cpp,
  ...applications,
];
