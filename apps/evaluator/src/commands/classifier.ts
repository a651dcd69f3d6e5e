/** `classifier`: learns the classifier whose features `--features classifier` compares, and says how good it is. */
import { backendRequests } from '@srmcmc/backends';
import { cifar10 } from '@srmcmc/datasets';
import { classifier, classifierAccuracy } from '@srmcmc/metrics';
import { z } from 'zod';
import { classifierWeights, learnClassifier } from '../classifier-weights.ts';
import { type Context, useBackend } from '../context.ts';

export const classifierFlags = z.object({
  fresh: z.boolean().default(false).describe('learn it anew, in place of the one there is'),
  backend: z.enum(backendRequests).default('auto').describe('what computes'),
});

/** The weights that are there, or else new ones; and the share of CIFAR-10's test images that they name rightly. */
export async function classifierCommand(
  context: Context,
  path: string,
  { fresh, backend }: z.output<typeof classifierFlags>,
): Promise<void> {
  const source = path === 'cifar10' ? undefined : path;
  await useBackend(context, { backend });
  const weights = fresh ? await learnClassifier(context, source) : await classifierWeights(context, source);
  const test = await cifar10({ split: 'test', ...(source !== undefined && { source }) });
  const network = classifier(weights);
  const accuracy = await classifierAccuracy(network, test).finally(() => network.dispose());
  const share = `${(100 * accuracy).toFixed(2)} % of ${test.size} test images`;
  context.stdout.write(`${weights.file}: SHA-256 ${weights.sha256}, names the class of ${share}\n`);
}
