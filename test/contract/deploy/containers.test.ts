/** The two containers are described once, in src/inject/pod/containers.ts; every file under deploy/ repeats them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { renderComponent } from '../../../build/component.ts';
import { version } from '../../../build/version.ts';
import { imageFlags, runInjectOn } from '../../support/inject.ts';

const root = join(import.meta.dirname, '../../..');

interface Container {
  readonly name: string;
}

/** Names of our containers and volumes. */
const isOurs = /^(?:azwi-proxy|imds-proxy-)/;

/** The containers and volumes of ours in every pod of some documents. */
function oursIn(yaml: string): readonly Container[] {
  const find = (value: unknown): readonly Container[] => {
    if (typeof value !== 'object' || value === null) return [];
    if (!Array.isArray(value)) return Object.values(value).flatMap(find);
    return value.flatMap((item) => (isOurs.test(item?.name) ? [item] : find(item)));
  };
  return parseAllDocuments(yaml).flatMap((document) => find(document.toJS()));
}

const images = [
  `--proxy-image=registry.example/imds-proxy/proxy:${version}`,
  `--init-image=registry.example/imds-proxy/proxy-init:${version}`,
];
const own = [
  '--webhook=absent',
  '--client-id=11111111-1111-4111-8111-111111111111',
  '--tenant-id=22222222-2222-4222-8222-222222222222',
];

describe('the containers under deploy/', () => {
  it.each<[file: string, flags: string[]]>([
    ['deploy/manual/native-sidecar.yaml', own],
    ['deploy/manual/job.yaml', own],
    ['deploy/manual/classic.yaml', [...own, '--classic']],
    ['deploy/identity-binding/deployment.yaml', ['--identity-binding']],
  ])('in %s are those that inject writes', async (file, flags) => {
    const pod = 'apiVersion: v1\nkind: Pod\nspec:\n  containers: [{name: c, image: x}]\n';
    const { stdout } = await runInjectOn('inject', [...images, ...flags], { stdin: pod });
    const ours = oursIn(stdout);
    const names = ours.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['azwi-proxy-init', 'azwi-proxy']));
    // The webhook adds the token, if there is one.
    expect(names.includes('imds-proxy-token')).toBe(flags.includes('--webhook=absent'));
    expect(oursIn(readFileSync(join(root, file), 'utf8'))).toEqual(ours);
  });

  it.each([...renderComponent()])('%s is what npm run docs writes', (path, text) => {
    expect(readFileSync(join(root, path), 'utf8')).toBe(text);
  });

  it('in the component are those that inject writes', async () => {
    const pod = 'apiVersion: v1\nkind: Pod\nspec:\n  containers: [{name: c, image: x}]\n';
    const { stdout } = await runInjectOn('inject', imageFlags, { stdin: pod });
    const withoutImage = (container: Container) => ({ ...container, image: undefined });
    const patch = renderComponent().get('deploy/component/sidecar.yaml') ?? '';
    expect(oursIn(patch).map(withoutImage)).toEqual(oursIn(stdout).map(withoutImage));
  });
});
