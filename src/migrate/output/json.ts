import type { Plan, PlannedServiceAccount, PlannedWorkload } from '../plan.ts';

/** What `--output json` prints, as docs/migration-plan.schema.json describes it. */
export function formatJson(plan: Plan): string {
  const { workloads, serviceAccounts, ...rest } = plan;
  const printed = {
    workloads: workloads.map(({ origin: _, ...one }: PlannedWorkload) => one),
    serviceAccounts: serviceAccounts.map(({ origin: _, ...one }: PlannedServiceAccount) => one),
    ...rest,
  };
  return `${JSON.stringify(printed, undefined, 2)}\n`;
}
