import { bindingLabel } from '../../inject/contract.ts';
import { toPrintable } from '../../shared/untrusted-text.ts';
import type { Plan } from '../plan.ts';
import { count, formatObject, formatPlace } from './text.ts';

/** What `--check` prints: a line for everything that depends on AAD Pod Identity, and how many there are. */
export function formatCheck({ workloads, secretProviderClasses, leftovers }: Plan): string {
  const lines = [
    ...workloads
      .filter(({ dependsOnPodIdentity }) => dependsOnPodIdentity)
      .map((one) => {
        const place = formatPlace(one);
        const label = toPrintable(`${bindingLabel}: ${one.binding}`);
        return `${place === '' ? '' : `${place}: `}${formatObject(one)}: label ${label}`;
      }),
    ...secretProviderClasses.map(
      (one) =>
        `${formatPlace(one)}: ${formatObject({ kind: 'SecretProviderClass', ...one })}: usePodIdentity: "true"`,
    ),
  ];
  const rest =
    lines.length > 0 || leftovers.length === 0
      ? ''
      : `; ${count(leftovers.length, 'object')} of AAD Pod Identity can be removed`;
  const summary =
    lines.length === 0
      ? `nothing depends on AAD Pod Identity${rest}`
      : `${lines.length} ${lines.length === 1 ? 'depends' : 'depend'} on AAD Pod Identity`;
  return `${[...lines, summary].join('\n')}\n`;
}
