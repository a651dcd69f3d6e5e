/** The flags, described once: help, checks and defaults all come from the schema. */
import { availableParallelism } from 'node:os';
import { InvalidArgumentError, MOST_STEPS } from '@srmcmc/core';
import { flagName, numberFrom, problemOf, requireValues } from '@srmcmc/flags';
import { MOST_THREADS } from '@srmcmc/native';
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { backendNames } from './engines/backends.ts';
import { peerNames } from './engines/peers.ts';
import { WORKLOADS } from './protocol.ts';

const count = () => z.int().min(1);
/** Of a file or a program. */
const path = () => z.string().min(1);
const list = <T extends z.ZodType>(item: T) => z.array(item).min(1);

/** A net of the paper: n channels in its first layer, images of `side` pixels. */
const net = z
  .string()
  .regex(/^[1-9]\d*@(32|64|128)$/, 'must be n@side with side 32, 64 or 128, such as 64@32');

export const flagsSchema = z.object({
  workloads: list(z.enum(WORKLOADS))
    .default([...WORKLOADS])
    .describe(`what to measure: ${WORKLOADS.join(', ')}`),
  nets: list(net)
    .default(['32@32', '64@32', '128@32', '64@64'])
    .describe("the paper's nets, n@side: n channels in the first layer, images of side pixels"),
  chains: list(count()).default([64]).describe('m, chains or images at once'),
  batches: list(count()).default([16]).describe('images that inception takes at once'),
  weights: path()
    .optional()
    .describe("file or folder of Inception-v3's weights, which may end early; default: random, all of it"),
  steps: count().max(MOST_STEPS).default(10).describe('K, steps in one call of langevin-step and hmc-step'),
  learningSteps: count().max(MOST_STEPS).default(100).describe('K of learning-iteration'),
  threads: list(count().max(MOST_THREADS))
    .default([availableParallelism()])
    .describe('threads of every engine; default: all cores'),
  engines: list(z.string())
    .default(['native', 'tensorflow', 'wasm', 'cpu'])
    .describe(`${backendNames.join(', ')}; the start of a name will do, such as native/float32/avx2`),
  peer: z
    .array(z.enum(peerNames as [string, ...string[]]))
    .default([])
    .describe(`programs of others to compare with: ${peerNames.join(', ')}`),
  python: path().default('python3').describe('the Python that runs them'),
  samples: z.int().min(3).default(11).describe('samples of every row'),
  sampleSeconds: z.number().positive().default(0.5).describe('at least this long does a sample take'),
  budget: z.number().positive().default(120).describe('seconds; a row that would take longer is left out'),
  json: path().optional().describe('write every sample here'),
  svg: path().optional().describe('write a chart here'),
  check: path().optional().describe('results to compare with; exit code 1 where ours has become slower'),
  updateBaseline: z.boolean().default(false).describe('write what was measured to the file of --check'),
  tolerance: z
    .number()
    .min(0)
    .lt(1)
    .default(0.05)
    .describe('what --check lets pass, as a fraction of the fraction of peak'),
  quick: z
    .boolean()
    .default(false)
    .describe('a few minutes, for a look: a small net, few steps, few and short samples'),
});

export type Flags = z.output<typeof flagsSchema>;

/** What --quick means, where the flags do not say otherwise. */
const QUICK: Partial<Flags> = {
  nets: ['32@32'],
  steps: 2,
  learningSteps: 5,
  samples: 5,
  sampleSeconds: 0.05,
  budget: 6,
};

interface FieldSchema {
  readonly type?: string;
  readonly items?: { readonly type?: string };
  readonly description?: string;
  readonly default?: unknown;
}

const fields = Object.entries(
  z.toJSONSchema(flagsSchema, { io: 'input' }).properties as Record<string, FieldSchema>,
);

/** Adds a flag for each field: `sampleSeconds` becomes `--sample-seconds <number>`. */
export function addFlags(command: Command): Command {
  for (const [field, { type, items, description, default: initial }] of fields) {
    const value =
      type === 'array' ? `<${items?.type === 'string' ? 'names' : 'integers'}>` : `<${placeOf(type)}>`;
    const hasDefault = type !== 'boolean' && initial !== undefined && field !== 'threads';
    const shown = Array.isArray(initial) ? initial.join(',') || 'none' : String(initial);
    const option = new Option(
      type === 'boolean' ? flagName(field) : `${flagName(field)} ${value}`,
      hasDefault ? `${description} (default: ${shown})` : description,
    );
    if (field === 'peer')
      option.argParser((text: string, before: string | undefined) =>
        before === undefined ? text : `${before},${text}`,
      );
    command.addOption(option);
  }
  requireValues(command);
  return command;
}

/**
 * What the flags say, checked.
 *
 * @throws InvalidArgumentError that names the field.
 */
export function readFlags(given: Readonly<Record<string, unknown>>): Flags {
  const values = Object.fromEntries(
    fields
      .filter(([field]) => given[field] !== undefined)
      .map(([field, schema]) => [field, parseAs(field, schema, given[field])]),
  );
  const result = flagsSchema.safeParse({ ...(values['quick'] === true ? QUICK : {}), ...values });
  if (!result.success) {
    const issue = result.error.issues[0]!;
    const [field, index] = issue.path as [string, number?];
    const value = values[field];
    const got = index === undefined ? value : (value as unknown[])[index];
    throw new InvalidArgumentError(
      field,
      `${problemOf(issue)}, got ${typeof got === 'string' ? `'${got}'` : String(got)}`,
    );
  }
  const flags = result.data;
  if (flags.updateBaseline && flags.check === undefined) {
    throw new InvalidArgumentError('updateBaseline', 'needs --check, the file to write');
  }
  return flags;
}

function parseAs(field: string, { type, items }: FieldSchema, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (type === 'array') {
    const parts = value.split(',').map((part) => part.trim());
    return items?.type === 'string' ? parts : parts.map((part) => numberFrom(field, part));
  }
  return type === 'integer' || type === 'number' ? numberFrom(field, value) : value;
}

function placeOf(type: string | undefined): string {
  return type === 'string' ? 'text' : (type ?? 'text');
}
