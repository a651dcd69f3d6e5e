/** Weights trained by the paper's PyTorch program, sampled here: `tsx pytorch-weights.ts netE.pth`. */
import { readFileSync } from 'node:fs';
import { describeBackend, selectBackend } from '@srmcmc/backends';
import { key, shortRun, uniform } from '@srmcmc/core';
import { convNetworkOf, energyOf, loadStateDict } from '@srmcmc/energy';
import { langevin } from '@srmcmc/langevin';
import { stateDict } from '@srmcmc/pth';
import { toFloat32 } from '@srmcmc/safetensors';
import { commandLine } from './shared/command-line.ts';

const { positionals } = await commandLine('[weights.pth]', {}, { allowPositionals: true });
const file = positionals[0] ?? new URL('../packages/energy/test/goldens/paper-32.pth', import.meta.url);
console.log(describeBackend(await selectBackend('auto')));

const raw = stateDict(readFileSync(file));
const weights = new Map(
  [...raw].map(([name, tensor]) => [name, { shape: tensor.shape, data: toFloat32(tensor) }]),
);
const network = convNetworkOf(weights);
const energy = energyOf(network, key(0));
loadStateDict(energy, weights);
console.log(`a net for [${network.imageShape.join(', ')}] with ${network.layers.length} layers`);

const model = shortRun({
  energy,
  kernel: langevin({ drift: 1, noise: 0.01 }),
  steps: 100,
  initial: uniform(network.imageShape),
});
const { x, trace } = model.run(model.prior(key(1), 4), key(2));
const norms = await trace.gradientNorm.data();
console.log(
  `samples [${x.shape.join(', ')}]; |f'| from ${norms[0]!.toPrecision(3)} to ${norms.at(-1)!.toPrecision(3)}`,
);
