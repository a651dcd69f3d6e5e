/**
 * Inception-v3 (Szegedy et al. 2015, "Rethinking the Inception Architecture") as the graph of 2015-12-05 has it, the
 * one that FID and the Inception Score are defined by. It differs from later Inception-v3s: its average pools leave
 * padding out of the mean, the last block pools by maximum, and it tells 1008 classes apart.
 */

/** conv, batch norm, relu: `[..., in]` to `[..., channels]`. */
export interface Convolution {
  readonly kind: 'convolution';
  /** Its name in pytorch-fid's state dict, within its block. */
  readonly name: string;
  readonly channels: number;
  readonly kernel: readonly [height: number, width: number];
  readonly stride: 1 | 2;
  readonly padding: 'same' | 'valid';
}

/** 3×3. An average is over the pixels inside the picture alone. */
export interface Pool {
  readonly kind: 'max' | 'average';
  readonly stride: 1 | 2;
  readonly padding: 'same' | 'valid';
}

/** Chains of layers that read one input; their outputs are joined along the channels. */
export interface Branches {
  readonly kind: 'branches';
  /** What precedes the names of the convolutions in it, 'Mixed_5b'; '' within a block. */
  readonly name: string;
  readonly branches: readonly (readonly Layer[])[];
}

export type Layer = Convolution | Pool | Branches;

/** Layers, and the number of channels after them. Their spatial mean is the feature of that name. */
export interface Stage {
  readonly feature: 64 | 192 | 768 | 2048;
  readonly layers: readonly Layer[];
}

/** Side of the images that the network sees, and their channels. */
export const INPUT_SIDE = 299;
export const INPUT_CHANNELS = 3;

/** The classifier has 1008 outputs; 1000 of them are ImageNet's classes. */
export const CLASSES = 1008;

export const STAGES: readonly Stage[] = [
  {
    feature: 64,
    layers: [
      conv('Conv2d_1a_3x3', 32, 3, { stride: 2, padding: 'valid' }),
      conv('Conv2d_2a_3x3', 32, 3, { padding: 'valid' }),
      conv('Conv2d_2b_3x3', 64, 3),
      halvingPool(),
    ],
  },
  {
    feature: 192,
    layers: [
      conv('Conv2d_3b_1x1', 80, 1),
      conv('Conv2d_4a_3x3', 192, 3, { padding: 'valid' }),
      halvingPool(),
    ],
  },
  {
    feature: 768,
    layers: [
      fiveByFive('Mixed_5b', 32),
      fiveByFive('Mixed_5c', 64),
      fiveByFive('Mixed_5d', 64),
      reductionTo768('Mixed_6a'),
      sevenBySeven('Mixed_6b', 128),
      sevenBySeven('Mixed_6c', 160),
      sevenBySeven('Mixed_6d', 160),
      sevenBySeven('Mixed_6e', 192),
    ],
  },
  {
    feature: 2048,
    layers: [reductionTo1280('Mixed_7a'), wide('Mixed_7b', 'average'), wide('Mixed_7c', 'max')],
  },
];

function conv(
  name: string,
  channels: number,
  kernel: number | readonly [number, number],
  { stride = 1, padding = 'same' }: { stride?: 1 | 2; padding?: 'same' | 'valid' } = {},
): Convolution {
  const [height, width] = typeof kernel === 'number' ? [kernel, kernel] : kernel;
  return { kind: 'convolution', name, channels, kernel: [height, width], stride, padding };
}

function halving(name: string, channels: number): Convolution {
  return conv(name, channels, 3, { stride: 2, padding: 'valid' });
}

function halvingPool(): Pool {
  return { kind: 'max', stride: 2, padding: 'valid' };
}

function samePool(kind: Pool['kind']): Pool {
  return { kind, stride: 1, padding: 'same' };
}

function fork(...convolutions: readonly Convolution[]): Branches {
  return { kind: 'branches', name: '', branches: convolutions.map((convolution) => [convolution]) };
}

/** Figure 5 of the paper. */
function fiveByFive(name: string, poolChannels: number): Branches {
  return {
    kind: 'branches',
    name,
    branches: [
      [conv('branch1x1', 64, 1)],
      [conv('branch5x5_1', 48, 1), conv('branch5x5_2', 64, 5)],
      [conv('branch3x3dbl_1', 64, 1), conv('branch3x3dbl_2', 96, 3), conv('branch3x3dbl_3', 96, 3)],
      [samePool('average'), conv('branch_pool', poolChannels, 1)],
    ],
  };
}

/** Figure 10: 35×35 to 17×17. */
function reductionTo768(name: string): Branches {
  return {
    kind: 'branches',
    name,
    branches: [
      [halving('branch3x3', 384)],
      [conv('branch3x3dbl_1', 64, 1), conv('branch3x3dbl_2', 96, 3), halving('branch3x3dbl_3', 96)],
      [halvingPool()],
    ],
  };
}

/** Figure 6, with n = 7. */
function sevenBySeven(name: string, inner: number): Branches {
  return {
    kind: 'branches',
    name,
    branches: [
      [conv('branch1x1', 192, 1)],
      [conv('branch7x7_1', inner, 1), conv('branch7x7_2', inner, [1, 7]), conv('branch7x7_3', 192, [7, 1])],
      [
        conv('branch7x7dbl_1', inner, 1),
        conv('branch7x7dbl_2', inner, [7, 1]),
        conv('branch7x7dbl_3', inner, [1, 7]),
        conv('branch7x7dbl_4', inner, [7, 1]),
        conv('branch7x7dbl_5', 192, [1, 7]),
      ],
      [samePool('average'), conv('branch_pool', 192, 1)],
    ],
  };
}

/** 17×17 to 8×8. */
function reductionTo1280(name: string): Branches {
  return {
    kind: 'branches',
    name,
    branches: [
      [conv('branch3x3_1', 192, 1), halving('branch3x3_2', 320)],
      [
        conv('branch7x7x3_1', 192, 1),
        conv('branch7x7x3_2', 192, [1, 7]),
        conv('branch7x7x3_3', 192, [7, 1]),
        halving('branch7x7x3_4', 192),
      ],
      [halvingPool()],
    ],
  };
}

/** Figure 7. */
function wide(name: string, pool: Pool['kind']): Branches {
  return {
    kind: 'branches',
    name,
    branches: [
      [conv('branch1x1', 320, 1)],
      [
        conv('branch3x3_1', 384, 1),
        fork(conv('branch3x3_2a', 384, [1, 3]), conv('branch3x3_2b', 384, [3, 1])),
      ],
      [
        conv('branch3x3dbl_1', 448, 1),
        conv('branch3x3dbl_2', 384, 3),
        fork(conv('branch3x3dbl_3a', 384, [1, 3]), conv('branch3x3dbl_3b', 384, [3, 1])),
      ],
      [samePool(pool), conv('branch_pool', 192, 1)],
    ],
  };
}
