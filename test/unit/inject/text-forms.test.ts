import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { imageFlags, runInjectOn } from '../../support/inject.ts';

const inject = (stdin: string, ...flags: string[]) =>
  runInjectOn('inject', [...imageFlags, ...flags], { stdin });
const uninject = async (stdin: string) => (await runInjectOn('uninject', [], { stdin })).stdout;

describe('YAML that Kubernetes reads and the specification does not allow', () => {
  const pod = (container: string): string =>
    `apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: c\n    image: x\n${container}`;

  it.each<[name: string, container: string, args: unknown]>([
    ['double quotes continued at the parent', '    args: ["\n    set -e;\n    "]\n', ['set -e; ']],
    ['double quotes continued below the parent', '    args: ["\n  set -e;\n  "]\n', ['set -e; ']],
    ['double quotes continued at the margin', '    args: ["one\ntwo"]\n', ['one two']],
    ['single quotes', "    args:\n    - 'one\n  two'\n", ['one two']],
    ['a list in brackets', '    args: [\n  a,\n  b\n  ]\n', ['a', 'b']],
    ['a map in braces', '    resources: {\n  limits: {cpu: "1"}\n    }\n    args: [a]\n', ['a']],
  ])('%s', async (_, container, args) => {
    const input = pod(container);
    const { stdout, stderr, exitCode } = await inject(input);
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain(container);
    expect(stdout).toContain('azwi-proxy');
    expect(await uninject(stdout)).toBe(input);
    const fixed = parse(stdout.replace(container, '    args: []\n'));
    expect(fixed.spec.initContainers).toHaveLength(2);
    expect(args).toBeDefined();
  });

  it('does not fail a document without pods', async () => {
    const input = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  a: 'one\n two'\n  b: [\n---\n${pod('')}`;
    const { stdout, stderr, exitCode } = await inject(input);
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain('azwi-proxy');
  });

  it('still refuses a quote that is never closed', async () => {
    const { exitCode, stderr } = await inject(pod('    args: ["\n    set -e;\n'));
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^stdin:\d+:\d+: document 1: error: not YAML: .*; correct this line/m);
  });
});

describe('JSON', () => {
  const pod = (name: string): string =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels: { '}{"': '[,]\\"' } },
      spec: { containers: [{ name: 'c', image: 'x' }] },
    });

  it.each([
    ['one behind the other', `${pod('a')}${pod('b')}`],
    ['on separate lines', `${pod('a')}\n${pod('b')}\n`],
    ['with blank lines', `\n  ${pod('a')}\n\n\n${pod('b')}\n\n`],
  ])('values %s are a stream', async (_, input) => {
    const { stdout, stderr, exitCode } = await inject(input);
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain('document 1: Pod a: injected');
    expect(stderr).toContain('document 2: Pod b: injected');
    expect(stdout).not.toContain('---');
    expect(await uninject(stdout)).toBe(input);
  });

  it('files stay a stream of JSON', async () => {
    const files = {
      'a.json': pod('a'),
      'b.json': `${pod('b')}\n`,
      'c.json': '{"apiVersion":"v1","kind":"X"}',
    };
    const { stdout } = await runInjectOn('inject', [...imageFlags, ...Object.keys(files)], {
      files,
    });
    const values = stdout.split('\n').map((line) => JSON.parse(line));
    expect(values.map(({ kind }) => kind)).toEqual(['Pod', 'Pod', 'X']);
  });

  it('files among YAML files are documents of a YAML stream', async () => {
    const files = {
      'a.json': '{"apiVersion":"v1","kind":"A"}',
      'b.yaml': '\uFEFF%YAML 1.1\n---\napiVersion: v1\nkind: B\n',
      'c.yaml': '\uFEFFapiVersion: v1\nkind: C',
      'd.yaml': '',
      'e.json': '{"apiVersion":"v1","kind":"E"}',
    };
    const { stdout } = await runInjectOn('inject', [...imageFlags, ...Object.keys(files)], {
      files,
    });
    expect(stdout.startsWith('---\n{')).toBe(true);
    expect(stdout.slice(1)).not.toMatch(/\uFEFF|%YAML/);
    expect(parseAllDocuments(stdout).map((document) => document.toJS().kind)).toEqual([
      'A',
      'B',
      'C',
      'E',
    ]);
  });

  it('a List is taken item by item, in every layout', async () => {
    const list = {
      apiVersion: 'v1',
      kind: 'List',
      items: [pod('a'), '{"apiVersion":"v1","kind":"X"}', pod('b')].map((text) => JSON.parse(text)),
    };
    for (const input of [
      JSON.stringify(list),
      JSON.stringify(list, null, 2),
      `${JSON.stringify(list, null, '\t')}\n`,
    ]) {
      const { stdout, stderr } = await inject(input);
      expect(stderr).toMatch(/2 changed, 1 unchanged, 0 failed\n$/);
      expect(JSON.parse(stdout).items[2].spec.initContainers).toHaveLength(2);
      expect((await inject(stdout)).stdout).toBe(stdout);
      expect(await uninject(stdout)).toBe(input);
    }
  });
});

describe('errors', () => {
  it('name line, column and remedy, and the key that stands twice', async () => {
    const input =
      'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n  - name: c\n    image: x\n    "image": y\n';
    const { stderr } = await inject(input);
    expect(stderr).toContain(
      'stdin:8:5: document 1: error: the key "image" stands twice in the same map; remove one of them\n',
    );
  });

  it('give the line of an item of a List', async () => {
    const pod = (name: string, port: number): string =>
      `- apiVersion: v1\n  kind: Pod\n  metadata: {name: ${name}}\n  spec:\n    containers:\n    - name: c\n      image: x\n      ports: [{containerPort: ${port}}]\n`;
    const { stderr } = await inject(
      `apiVersion: v1\nkind: List\nitems:\n${pod('a', 80)}${pod('b', 8000)}`,
    );
    expect(stderr).toContain('stdin:19:15: document 1: Pod b: error: port 8000 is taken');
  });
});
