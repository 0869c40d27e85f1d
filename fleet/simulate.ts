import { createEventClock } from '../test/support/event-clock.ts';
import { createSeededRandom } from '../test/support/seeded-random.ts';
import { type Application, createApplication } from './application.ts';
import { createEntraModel } from './entra-model.ts';
import { type Figures, toFigures } from './figures.ts';
import { createSidecars, type PolicyName } from './pods.ts';
import type { Scenario } from './scenarios.ts';

export interface SimulationOptions {
  readonly pods: number;
  readonly policy: PolicyName;
  readonly limitPerSecond: number;
  readonly seed: number;
}

/** Plays a scenario with one policy. The same options give the same figures. */
export async function simulate(scenario: Scenario, options: SimulationOptions): Promise<Figures> {
  const { pods, policy, limitPerSecond, seed } = options;
  const clock = createEventClock();
  // Separate streams, so that all policies see the same starts.
  const [starts, latencies, jitter] = [seed, seed + 1, seed + 2].map(createSeededRandom) as [
    () => number,
    () => number,
    () => number,
  ];
  const entra = createEntraModel(clock, latencies, { ...scenario.entra, limitPerSecond });
  const createSidecar = createSidecars(policy, { clock, entra, random: jitter });
  const applications: Application[] = [];

  const startPod = (): Application => {
    const application = createApplication(clock, createSidecar());
    applications.push(application);
    application.start();
    return application;
  };

  for (let pod = 0; pod < pods; pod += 1) {
    const share = pod / pods;
    clock.after(scenario.toStartMs(share, starts), () => {
      const first = startPod();
      const replacedMs = scenario.toReplacedMs?.(share);
      if (replacedMs === undefined) return;
      clock.after(replacedMs - clock.monotonicMs(), () => {
        first.stop();
        startPod();
      });
    });
  }
  await clock.runUntil(scenario.toMs);
  return toFigures(
    scenario,
    entra,
    applications.map((application) => application.record()),
  );
}
