import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { V1Container, V1ObjectMeta, V1PodSpec } from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import type { PodImages } from './kubernetes-tenant.ts';

/** An object of the API, as far as the tests look into it. */
export interface Manifest {
  apiVersion: string;
  readonly kind: string;
  readonly metadata?: V1ObjectMeta;
  /** Of a PodTemplate. */
  readonly template?: { readonly spec: V1PodSpec };
  readonly spec?: V1PodSpec & {
    readonly template?: { readonly spec: V1PodSpec };
    readonly jobTemplate?: { readonly spec: { readonly template: { readonly spec: V1PodSpec } } };
  };
}

const root = join(import.meta.dirname, '../..');

/** The objects of a file of the repository; those of a List one by one. */
export function readManifests(file: string): readonly Manifest[] {
  return parseManifests(readFileSync(join(root, file), 'utf8'));
}

export function parseManifests(text: string): readonly Manifest[] {
  // The API has YAML 1.1, which merges.
  return parseAllDocuments(text, { merge: true })
    .map((document) => document.toJS())
    .filter((object) => object !== null)
    .flatMap((object) => (object.kind === 'List' ? object.items : [object]));
}

export function podSpecOf({ kind, spec, template }: Manifest): V1PodSpec | undefined {
  if (kind === 'Pod') return spec;
  if (kind === 'PodTemplate') return template?.spec;
  return (spec?.jobTemplate?.spec ?? spec)?.template?.spec;
}

/**
 * The manifest with images that this machine has, and with the fake Entra for the proxy to ask; work and init
 * containers of the application ask once.
 */
export function toLocal(
  manifest: Manifest,
  { images, authorityHost }: { readonly images: PodImages; readonly authorityHost: string },
): Manifest {
  return changePod(manifest, (spec) => {
    for (const container of containersOf(spec)) {
      container.imagePullPolicy = 'Never';
      container.image = images.app;
      const isOurs = /^azwi-proxy(-init)?$/.test(container.name);
      const ends = container.name === 'work' || (spec.initContainers?.includes(container) ?? false);
      if (ends && !isOurs) {
        container.command = ['node', '/app.cjs', 'once'];
        delete container.args;
      }
      if (container.name === 'azwi-proxy-init') container.image = images.init;
      if (container.name !== 'azwi-proxy') continue;
      container.image = images.proxy;
      container.env = [
        ...(container.env ?? []).filter(({ name }) => name !== 'AZURE_AUTHORITY_HOST'),
        { name: 'AZURE_AUTHORITY_HOST', value: authorityHost },
      ];
    }
  });
}

/**
 * The manifest for an API server before 1.28, which knows no native sidecars: they become ordinary containers,
 * and what the kubelet waits for a hook. A CronJob takes the version that it had before 1.21.
 */
export function toClassic(manifest: Manifest): Manifest {
  const changed = changePod(manifest, (spec) => {
    const sidecars = (spec.initContainers ?? []).filter(isNativeSidecar);
    spec.initContainers = (spec.initContainers ?? []).filter((each) => !isNativeSidecar(each));
    spec.containers.unshift(...sidecars);
    for (const sidecar of sidecars) {
      delete sidecar.restartPolicy;
      const { exec } = sidecar.startupProbe ?? {};
      if (exec !== undefined) sidecar.lifecycle = { postStart: { exec } };
      delete sidecar.startupProbe;
    }
  });
  if (changed.kind === 'CronJob') changed.apiVersion = 'batch/v1beta1';
  return changed;
}

export function hasNativeSidecar(manifest: Manifest): boolean {
  return podSpecOf(manifest)?.initContainers?.some(isNativeSidecar) ?? false;
}

/** A copy of the manifest with another pod. */
export function changePod(manifest: Manifest, change: (spec: V1PodSpec) => void): Manifest {
  const changed = structuredClone(manifest);
  const spec = podSpecOf(changed);
  if (spec !== undefined) change(spec);
  return changed;
}

export function containersOf(spec: V1PodSpec): readonly V1Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}

function isNativeSidecar({ restartPolicy }: V1Container): boolean {
  return restartPolicy === 'Always';
}
