/** The features of FRAME: the marginals of a filter bank's responses (Zhu, Wu and Mumford 1998). */
import * as tf from '@tensorflow/tfjs-core';
import { requireEvents } from '@srmcmc/core';
import type { Features } from './features.ts';
import { filterBank, type FilterBankOptions, type FilterGroup } from './filter-bank.ts';
import { histogram, type Marginal } from './marginals.ts';

export interface FilterFeaturesOptions extends FilterBankOptions {
  /** What is taken of each filter's responses; `histogram()` unless given. */
  readonly marginal?: Marginal;
}

/**
 * h(x): for every channel and filter, the marginal's means over the positions that its stride leaves. Filters come in
 * the order of their sizes and strides; `names` says which feature is which.
 *
 * @throws InvalidArgumentError for no filters, a filter larger than the image, or one whose responses to the examples
 * do not vary; InvalidShapeError for examples that are no images with these channels.
 */
export function filterFeatures({ marginal = histogram(), ...options }: FilterFeaturesOptions): Features {
  const { imageShape } = options;
  const [height, width, channels] = imageShape;
  const bank = filterBank(options);
  const names = namesOf(bank.groups, channels, marginal);
  return {
    eventShape: imageShape,
    positions: height * width,
    names,
    apply: (x) => {
      requireEvents('x', x, imageShape);
      return tf.tidy(() => {
        const means = bank.responses(x as tf.Tensor4D).map((responses) => marginal.apply(responses));
        return tf.reshape(tf.concat(means, 1), [x.shape[0]!, names.length]);
      });
    },
    dispose: () => bank.dispose(),
  };
}

function namesOf(groups: readonly FilterGroup[], channels: number, { labels }: Marginal): string[] {
  return Array.from({ length: channels }, (_, channel) =>
    channels === 1 ? '' : `channel ${channel} `,
  ).flatMap((prefix) =>
    groups.flatMap(({ filters }) =>
      filters.flatMap(({ name }) => labels.map((label) => `${prefix}${name}: ${label}`)),
    ),
  );
}
