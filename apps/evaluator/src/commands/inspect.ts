/** `inspect`: prints what is in a file of weights. */
import { z } from 'zod';
import { aligned } from '../aligned.ts';
import type { Context } from '../context.ts';
import {
  inspect as inspectFile,
  type Inspection,
  type NetworkSummary,
  type RunSummary,
} from '../inspection.ts';

export const inspectFlags = z.object({
  json: z.boolean().default(false).describe('JSON instead of tables'),
});

export async function inspect(
  context: Context,
  path: string,
  { json }: z.output<typeof inspectFlags>,
): Promise<void> {
  const inspection = await inspectFile(path);
  context.stdout.write(json ? `${JSON.stringify(inspection, null, 2)}\n` : report(inspection));
}

/** Characters of a line of fields. */
const LINE = 90;

const KINDS = {
  checkpoint: 'checkpoint of a run; its checksum holds',
  safetensors: 'safetensors',
  pth: 'saved by PyTorch',
};

function report({ path, kind, run, network, tensors, metadata }: Inspection): string {
  const sections = [`${path}: ${KINDS[kind]}`];
  if (run) sections.push(runSection(run));
  if (network) sections.push(networkSection(network));
  const rows = tensors.map(({ name, dtype, shape, min, max, norm, notFinite }) => [
    name,
    dtype,
    `[${shape.join(', ')}]`,
    number(min),
    number(max),
    number(norm),
    notFinite === 0 ? '' : `${notFinite} not finite`,
  ]);
  const header = ['tensor', 'dtype', 'shape', 'min', 'max', 'norm', ''];
  sections.push(aligned([header, ...rows], ['left', 'left', 'left']));
  const texts = Object.entries(metadata);
  if (texts.length > 0) sections.push(aligned([['metadata', ''], ...texts], ['left', 'left']));
  return `${sections.join('\n\n')}\n`;
}

function runSection({ iteration, sampler, optimizerSteps, config, progress, software }: RunSummary): string {
  const { drift, noise, steps, initial } = sampler;
  const start =
    initial.name === 'uniform'
      ? `uniform on [${initial.low}, ${initial.high}]`
      : `N(${initial.mean}, ${initial.scale}²)`;
  const entries: [string, string[]][] = [
    ['iterations', [`${iteration} (${optimizerSteps} updates of the optimizer)`]],
    ['sampler', [`x ← x + ${drift} f′(x) + ${noise} U, K = ${steps} times from ${start}`]],
    ['config', fields(config)],
    ['progress', fields(progress)],
    ['written by', fields(software)],
  ];
  const rows = entries.flatMap(([name, lines]) => lines.map((line, i) => [i === 0 ? name : '', line]));
  return aligned(rows, ['left', 'left']);
}

function networkSection({ activation, inputShape, layers, ...totals }: NetworkSummary): string {
  const rows = layers.map(({ name, description, outputShape, parameters }) => [
    name,
    description,
    `[${outputShape.join(', ')}]`,
    parameters.toLocaleString('en'),
  ]);
  const title = [`layer, ${activation}`, `input [${inputShape.join(', ')}]`, 'output', 'parameters'];
  const sum = [
    'all',
    `${totals.multiplyAccumulates.toLocaleString('en')} multiply-adds a pass`,
    '',
    totals.parameters.toLocaleString('en'),
  ];
  return aligned([title, ...rows, sum], ['left', 'left', 'left']);
}

/** Names and values, as many a line as fit. */
function fields(record: Readonly<Record<string, unknown>>): string[] {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(record)) {
    const field = `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`;
    const last = lines.at(-1);
    if (last !== undefined && last.length + field.length < LINE)
      lines[lines.length - 1] = `${last}, ${field}`;
    else lines.push(field);
  }
  return lines;
}

function number(value: number | null): string {
  return value === null ? '' : String(Number(value.toPrecision(5)));
}
