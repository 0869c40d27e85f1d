import { toMarkdownCode, toShellBlock } from './quote.ts';
import {
  type Contents,
  renderAccounts,
  renderCanary,
  renderCleanup,
  renderRest,
  renderTrust,
  type Step,
} from './readme-steps.ts';

/** The steps of the migration, each with the command that verifies it and the one that undoes it. */
export function renderSteps(contents: Contents): string {
  const steps = [
    renderPreparation(contents),
    renderTrust(contents),
    renderAccounts(contents),
    renderCanary(contents),
    renderRest(contents),
    renderCleanup(contents),
  ].filter((step) => step !== undefined);
  const numbered = steps.map(({ title, text }, index) => `## ${index + 1}. ${title}\n\n${text}`);
  const parts = [
    renderFiles(contents),
    ...numbered,
    renderLeftOut(contents),
    renderNotes(contents),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

function renderFiles({ plan, workloads }: Contents): string {
  const { federatedCredentials, identityBindings, serviceAccounts } = plan;
  const hasCredentials = federatedCredentials.length > 0;
  const hasBindings = identityBindings.length > 0;
  const hasManaged = federatedCredentials.some(({ resourceGroup }) => resourceGroup !== null);
  const rows: readonly (readonly [string, string, boolean])[] = [
    ['federated-credentials.sh', 'creates the federated credentials with az', hasCredentials],
    [
      'federated-credentials.bicep',
      'the same as Bicep, with identity-credentials.bicep',
      hasManaged,
    ],
    ['federated-credentials.tf', 'the same for Terraform', hasCredentials],
    ['identity-bindings.sh', 'creates the identity bindings with az', hasBindings],
    ['identity-bindings.yaml', 'who may use which identity', hasBindings],
    [
      'serviceaccounts.yaml',
      'the ServiceAccounts that are created or annotated',
      serviceAccounts.length > 0,
    ],
    ['workloads/', 'the workloads, one file each', workloads.length > 0],
    ['cleanup.sh', 'removes AAD Pod Identity at the end', true],
  ];
  const lines = rows
    .filter(([, , isThere]) => isThere)
    .map(([file, what]) => `| [${file}](${file}) | ${what} |`);
  return `## Files

| File | Content |
| --- | --- |
${lines.join('\n')}

Nothing here contacts a cluster or Azure until you run it. If a pipeline applies your manifests (Helm, Argo CD, Flux), do
not apply \`workloads/\` by hand: the pipeline would undo it. Change the manifests instead, with
\`proxy migrate --in-place\`, and use these files for the review.
`;
}

function renderPreparation({ plan, issuers, hasOwnToken }: Contents): Step {
  const query =
    '{issuer: oidcIssuerProfile.issuerUrl, workloadIdentity: securityProfile.workloadIdentity.enabled, podIdentity: podIdentityProfile.enabled}';
  const conditions = [
    ...(issuers.length === 0
      ? []
      : [
          `\`issuer\` must be, character by character, ${issuers.map(toMarkdownCode).join(' or ')}.`,
        ]),
    ...(hasOwnToken ? [] : ['`workloadIdentity` must be `true`: the webhook adds the tokens.']),
    'If one is missing: `az aks update --enable-oidc-issuer --enable-workload-identity`. AAD Pod Identity keeps working\n  beside them.',
  ];
  const webhook =
    plan.identityBindings.length === 0
      ? ''
      : `
Identity binding needs version 1.6 or newer of the azure-workload-identity webhook, and does not work on clusters with
API server VNet integration. This prints the image of the webhook, and nothing without a webhook:

${toShellBlock([
  "kubectl get pods --namespace kube-system --selector azure-workload-identity.io/system=true --output jsonpath='{.items[*].spec.containers[*].image}'",
])}`;
  return {
    title: 'Before you start',
    text: `Outside AKS, your cluster needs an issuer that Entra can reach. On AKS:

${toShellBlock([
  `az aks show --resource-group <RESOURCE_GROUP> --name <CLUSTER> --query '${query}' --output json`,
])}
${conditions.map((one) => `- ${one}\n`).join('')}${webhook}`,
  };
}

/** What depends on AAD Pod Identity and is in no file. */
function renderLeftOut({ plan, workloads }: Contents): string {
  const written = new Set(workloads.map(({ workload }) => workload));
  const left = plan.workloads.filter(
    (one) => !written.has(one) && one.dependsOnPodIdentity && one.status !== 'exempt',
  );
  const names = [
    ...left.map((one) => `${one.namespace}/${one.kind} ${one.name}`),
    ...plan.secretProviderClasses.map(
      ({ namespace, name }) => `${namespace}/SecretProviderClass ${name}`,
    ),
  ];
  if (names.length === 0) return '';
  return `## Not in these files

These depend on AAD Pod Identity, and this plan does not change them. Their findings say why, and what to do. AAD Pod
Identity must stay until they are done.

${names.map((name) => `- ${toMarkdownCode(name)}\n`).join('')}`;
}

/** What the plan does not say: it comes up when a manifest is written. */
function renderNotes({ workloads }: Contents): string {
  const lines = workloads.flatMap(({ workload: { namespace, kind, name, injection }, notes }) =>
    notes
      .filter((note) => !injection.notes.includes(note))
      .map((note) => {
        const subject = toMarkdownCode(`${namespace}/${kind} ${name}`);
        return `- ${subject}: ${toMarkdownCode(note)}\n`;
      }),
  );
  return lines.length === 0 ? '' : `## Notes about the files\n\n${lines.join('')}`;
}
