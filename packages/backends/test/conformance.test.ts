import { describe, test } from 'vitest';
import { key, shortRun, uniform } from '@srmcmc/core';
import { energyConformance, generatorConformance, kernelConformance } from '@srmcmc/core/testing';
import { convEnergy, mlpEnergy } from '@srmcmc/energy';
import { langevin } from '@srmcmc/langevin';
import { type BackendRequest, selectBackend } from '@srmcmc/backends';

/** Why a backend cannot run here, or undefined where it can. */
async function absence(request: BackendRequest): Promise<string | undefined> {
  try {
    await selectBackend(request);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const requests = ['native', 'tensorflow', 'wasm', 'cpu'] as const;
const absences = new Map<BackendRequest, string | undefined>();
for (const request of requests) absences.set(request, await absence(request));

const conv = () => convEnergy({ imageShape: [16, 16, 3], channels: [4, 8, 8], key: key(1) });
const mlp = () => mlpEnergy({ dimension: 2, hidden: [8, 8], key: key(2) });
const kernel = () => langevin({ drift: 1, noise: 0.01 });
const generator = () =>
  shortRun({ energy: conv(), kernel: kernel(), steps: 4, initial: uniform([16, 16, 3]) });

for (const request of requests) {
  const missing = absences.get(request);
  describe.skipIf(missing !== undefined)(
    `on ${request}${missing === undefined ? '' : ` (skipped: ${missing})`}`,
    () => {
      const suites = {
        convEnergy: energyConformance(conv, { tolerance: 0.05 }),
        mlpEnergy: energyConformance(mlp),
        langevin: kernelConformance(kernel),
        shortRun: generatorConformance(generator),
      };
      for (const [suite, cases] of Object.entries(suites)) {
        test.each(cases)(`${suite}: $name`, async ({ run }) => {
          // The suites' bounds are of single precision, which 'auto' leaves where bfloat16 is faster.
          await selectBackend(request, { precision: 'float32' });
          await run();
        });
      }
    },
  );
}
