/** Activations and their derivatives, for the explicit backward pass of the networks. */
import * as tf from '@tensorflow/tfjs-core';
import { type ActivationSpec, InvalidArgumentError } from '@srmcmc/core';

export interface Activation {
  readonly spec: ActivationSpec;
  apply(pre: tf.Tensor): tf.Tensor;
  /** dy · activation'(pre). `pre` is the input of `apply`, `post` its output; one of them is not read. */
  pullback(dy: tf.Tensor, pre: tf.Tensor, post: tf.Tensor): tf.Tensor;
  /** activation''(pre), as `pullback` has it; absent where it is zero almost everywhere. */
  curvature?(pre: tf.Tensor, post: tf.Tensor): tf.Tensor;
  /** The convolution's own epilogue, where tfjs has one: then `pre` need not be stored. */
  readonly fused?: { readonly name: 'relu' | 'elu' | 'leakyrelu'; readonly alpha?: number };
}

/** Name of the optional backend kernel for dy · (y > 0 ? 1 : alpha), one pass over memory instead of three. */
const LEAKY_RELU_GRAD = 'LeakyReluGrad';
const PAPER_SLOPE = 0.2;
const SQRT_2 = Math.SQRT2;
const GAUSSIAN_PEAK = 1 / Math.sqrt(2 * Math.PI);

/** The activation that a spec names. Throws InvalidArgumentError for no spec, an unknown name or a useless slope. */
export function activation(spec: ActivationSpec): Activation {
  if (typeof spec !== 'object') {
    const problem = `must be an object such as { name: 'relu' }, got ${JSON.stringify(spec)}`;
    throw new InvalidArgumentError('activation', problem);
  }
  const { name, slope = PAPER_SLOPE } = spec;
  if (name === 'leakyRelu') {
    if (!(slope > 0 && slope < 1))
      throw new InvalidArgumentError('activation.slope', `must be in (0, 1), got ${slope}`);
    return {
      spec: { name, slope },
      apply: (pre) => tf.leakyRelu(pre, slope),
      pullback: (dy, _pre, post) => leakyReluGrad(dy, post, slope),
      fused: { name: 'leakyrelu', alpha: slope },
    };
  }
  if (!Object.hasOwn(activations, name)) {
    const known = ['leakyRelu', ...Object.keys(activations)].join(', ');
    throw new InvalidArgumentError('activation.name', `must be one of ${known}, got '${String(name)}'`);
  }
  return { spec: { name }, ...activations[name] };
}

const activations: Record<Exclude<ActivationSpec['name'], 'leakyRelu'>, Omit<Activation, 'spec'>> = {
  relu: {
    apply: tf.relu,
    pullback: (dy, _pre, post) => tf.mul(dy, tf.step(post)),
    fused: { name: 'relu' },
  },
  elu: {
    apply: tf.elu,
    // For x < 0, elu'(x) = e^x = elu(x) + 1.
    pullback: (dy, _pre, post) =>
      tf.mul(dy, tf.where(tf.greater(post, 0), tf.onesLike(post), tf.add(post, 1))),
    curvature: (_pre, post) => tf.where(tf.greater(post, 0), tf.zerosLike(post), tf.add(post, 1)),
    fused: { name: 'elu' },
  },
  softplus: {
    apply: tf.softplus,
    pullback: (dy, pre) => tf.mul(dy, tf.sigmoid(pre)),
    curvature: (pre) => {
      const gate = tf.sigmoid(pre);
      return tf.mul(gate, tf.sub(1, gate));
    },
  },
  swish: {
    apply: (pre) => tf.mul(pre, tf.sigmoid(pre)),
    pullback: (dy, pre) => {
      const gate = tf.sigmoid(pre);
      return tf.mul(dy, tf.mul(gate, tf.add(1, tf.mul(pre, tf.sub(1, gate)))));
    },
    curvature: (pre) => {
      const gate = tf.sigmoid(pre);
      const bend = tf.add(2, tf.mul(pre, tf.sub(1, tf.mul(2, gate))));
      return tf.mul(tf.mul(gate, tf.sub(1, gate)), bend);
    },
  },
  // x Φ(x), with the normal distribution function itself and not its tanh approximation.
  gelu: {
    apply: (pre) => tf.mul(pre, normalCdf(pre)),
    pullback: (dy, pre) => {
      return tf.mul(dy, tf.add(normalCdf(pre), tf.mul(pre, normalDensity(pre))));
    },
    curvature: (pre) => tf.mul(normalDensity(pre), tf.sub(2, tf.square(pre))),
  },
  tanh: {
    apply: tf.tanh,
    pullback: (dy, _pre, post) => tf.mul(dy, tf.sub(1, tf.square(post))),
    curvature: (_pre, post) => tf.mul(-2, tf.mul(post, tf.sub(1, tf.square(post)))),
  },
};

function normalDensity(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), GAUSSIAN_PEAK);
}

function normalCdf(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.add(tf.erf(tf.div(x, SQRT_2)), 1), 0.5);
}

function leakyReluGrad(dy: tf.Tensor, y: tf.Tensor, alpha: number): tf.Tensor {
  if (tf.getKernel(LEAKY_RELU_GRAD, tf.getBackend()) !== undefined) {
    return tf.engine().runKernel(LEAKY_RELU_GRAD, { dy, y }, { alpha }) as tf.Tensor;
  }
  return tf.where(tf.greater(y, 0), dy, tf.mul(dy, alpha));
}
