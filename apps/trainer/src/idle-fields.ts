/** Fields of a configuration that have no effect beside its others, so that who chose one can be told. */
import type { Config, ConfigField } from './config.ts';

/** Why a field has no effect on data of this shape; undefined where it has. */
type Reason = (config: Config, shape: readonly number[]) => string | undefined;

const isImage = (shape: readonly number[]): boolean => shape.length === 3;
const ofPersistent: Reason = ({ chains }) =>
  chains === 'persistent' ? undefined : `chains start from ${chains === 'data' ? 'the data' : 'noise'}`;
const replaced: Reason = ({ stepSize }) => (stepSize === null ? undefined : 'stepSize replaces it');

const REASONS: Readonly<Partial<Record<ConfigField, Reason>>> = {
  channels: (_, shape) => (isImage(shape) ? undefined : 'the data are points, whose net has hidden layers'),
  hidden: (_, shape) => (isImage(shape) ? 'the data are images, whose net has channels' : undefined),
  leapfrogSteps: ({ kernel }) => (kernel === 'hmc' ? undefined : `the kernel is ${kernel}`),
  drift: replaced,
  noise: replaced,
  bufferSize: ofPersistent,
  renewal: ofPersistent,
  annealFrom: ({ learningRateDecay, sigmaDecay }) =>
    learningRateDecay === 1 && sigmaDecay === 1 ? 'learningRateDecay and sigmaDecay are 1' : undefined,
  rollbackFactor: ({ maxRollbacks }) => (maxRollbacks === 0 ? 'maxRollbacks is 0' : undefined),
  evaluateEvery: (_, shape) => (isImage(shape) ? undefined : 'the data are points'),
};

/** A sentence for each of these fields that has no effect. */
export function idleFields(
  fields: readonly ConfigField[],
  config: Config,
  shape: readonly number[],
): string[] {
  return fields.flatMap((field) => {
    const reason = REASONS[field]?.(config, shape);
    return reason === undefined ? [] : [`${field} has no effect: ${reason}`];
  });
}
