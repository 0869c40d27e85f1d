/**
 * Prints the bill of materials of an image in CycloneDX: Node and the libraries compiled into it, the Debian packages
 * that image-root.sh has recorded, and the npm packages in the bundles. A scanner of the image would not see the last.
 * Two calls for the same content print the same bytes. The Node that runs this must be the one of the image.
 *
 * Usage: sbom.ts --name NAME --app FOLDER --bundled FILE --packages FOLDER...
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import { buildStamp } from './stamp.ts';

const root = join(import.meta.dirname, '..');

export interface SbomInput {
  /** Name of the image. */
  readonly name: string;
  readonly version: string;
  /** ISO 8601. */
  readonly date: string;
  /** `process.versions` of the Node in the image. */
  readonly node: Readonly<Record<string, string | undefined>>;
  /** dpkg's records (`dpkg-query --status`), one for each package. */
  readonly debian: readonly string[];
  readonly npm: readonly NpmPackage[];
}

interface NpmPackage {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression. */
  readonly license: string;
}

/** @throws if a record of dpkg has no name, version or architecture. */
export function renderSbom({ name, version, date, node, debian, npm }: SbomInput): string {
  const bom = new Models.Bom({
    metadata: new Models.Metadata({
      timestamp: new Date(date),
      component: new Models.Component(Enums.ComponentType.Container, name, {
        version,
        bomRef: name,
        licenses: toLicenses('MIT'),
      }),
    }),
    components: new Models.ComponentRepository([
      toNode(node),
      ...debian.map(toDebianPackage),
      ...npm.map(toNpmPackage),
    ]),
  });
  const normalizers = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  const serializer = new Serialize.JsonSerializer(normalizers);
  return `${serializer.serialize(bom, { sortLists: true, space: 1 })}\n`;
}

/** Entries of `process.versions` that do not name a library. */
const notLibraries = new Set(['node', 'modules', 'napi', 'unicode', 'tz', 'cldr']);

function toNode({ node = '', ...libraries }: SbomInput['node']): Models.Component {
  const parts = Object.entries(libraries).flatMap(([name, version]) =>
    // Some are there without a version.
    version === undefined || version === '' || notLibraries.has(name)
      ? []
      : [toLibrary(name, version, `pkg:generic/${name}@${encodeURIComponent(version)}`)],
  );
  const purl = `pkg:generic/node@${node}`;
  return new Models.Component(Enums.ComponentType.Application, 'node', {
    version: node,
    purl,
    bomRef: purl,
    cpe: `cpe:2.3:a:nodejs:node.js:${node}:*:*:*:*:*:*:*`,
    licenses: toLicenses('MIT'),
    components: new Models.ComponentRepository(parts),
  });
}

function toDebianPackage(record: string): Models.Component {
  const field = (name: string): string => {
    const value = new RegExp(`^${name}: (.+)$`, 'm').exec(record)?.[1];
    if (value === undefined) throw new Error(`dpkg's record has no ${name}:\n${record}`);
    return value;
  };
  const [name, version] = [field('Package'), field('Version')];
  const at = `${encodeURIComponent(name)}@${encodeURIComponent(version)}`;
  const purl = `pkg:deb/debian/${at}?arch=${field('Architecture')}&distro=debian-12`;
  return toLibrary(name, version, purl);
}

function toNpmPackage({ name, version, license }: NpmPackage): Models.Component {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${encodeURIComponent(version)}`;
  return toLibrary(name, version, purl, toLicenses(license));
}

/** The library makes up a random reference for a component without one. */
function toLibrary(
  name: string,
  version: string,
  purl: string,
  licenses = new Models.LicenseRepository(),
): Models.Component {
  const { Library } = Enums.ComponentType;
  return new Models.Component(Library, name, { version, purl, bomRef: purl, licenses });
}

function toLicenses(expression: string): Models.LicenseRepository {
  return new Models.LicenseRepository([new Models.LicenseExpression(expression)]);
}

/** The npm packages in the bundles of a folder. */
function readNpmPackages(app: string, bundled: string): readonly NpmPackage[] {
  const packages = readJson<Readonly<Record<string, readonly string[]>>>(bundled);
  const names = new Set(readdirSync(app).flatMap((file) => packages[file] ?? []));
  return [...names].map((name) => ({
    name,
    ...readJson<Omit<NpmPackage, 'name'>>(join(root, 'node_modules', name, 'package.json')),
  }));
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      name: { type: 'string', default: '' },
      app: { type: 'string', default: '' },
      bundled: { type: 'string', default: '' },
      packages: { type: 'string', multiple: true, default: [] },
    },
  });
  process.stdout.write(
    renderSbom({
      name: values.name,
      ...(await buildStamp(root)),
      node: process.versions,
      debian: values.packages.flatMap((folder) =>
        readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8')),
      ),
      npm: readNpmPackages(values.app, values.bundled),
    }),
  );
}
