import { marks } from './marks.ts';
import type { Outcome, Report } from './outcome.ts';

export function printOutcome(outcome: Outcome): void {
  const { client, state } = outcome;
  if (state === 'skipped') {
    console.log(`${client.id}: skipped: ${outcome.reason}`);
    return;
  }
  console.log(`${client.id}: ${state} in ${outcome.seconds} s`);
  for (const { scenario, verdict, ms, remark } of outcome.played) {
    if (verdict === 'not offered') continue;
    console.log(
      `  ${marks[verdict].padEnd(5)} ${scenario.padEnd(17)} ${`${ms}`.padStart(6)} ms  ${remark}`,
    );
  }
}

export function printSummary({ outcomes, seconds }: Report): void {
  const count = (state: Outcome['state']): number =>
    outcomes.filter((outcome) => outcome.state === state).length;
  const libraries = new Set(
    outcomes.flatMap(({ client, state }) =>
      state === 'passed' ? [`${client.language} ${client.library}`] : [],
    ),
  );
  const languages = new Set([...libraries].map((library) => library.split(' ')[0]));
  console.log(
    `\n${count('passed')} clients passed, ${count('failed')} failed, ${count('skipped')} skipped: ` +
      `${libraries.size} libraries in ${languages.size} languages, ${seconds} s`,
  );
}
