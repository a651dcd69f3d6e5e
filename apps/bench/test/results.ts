/** Results made up for the tests of what reads them. */
import { newResults, type Results, type Row } from '../src/results.ts';

export interface Timing {
  readonly engine?: string;
  readonly kind?: Row['kind'];
  readonly precision?: Row['precision'];
  /** Of a unit, one number a sample. */
  readonly seconds: readonly number[];
  /** GFLOPS; the same beside each sample. */
  readonly peak?: number | null;
  readonly peakPrecision?: Row['peakPrecision'];
  readonly width?: number;
}

const OPERATIONS = 1e9;

export function row(timing: Timing): Row {
  const { engine = 'native/float32/avx2', kind = 'native', precision = 'float32', seconds } = timing;
  const { peak = 100, peakPrecision = 'float32', width = 32 } = timing;
  return {
    case: { workload: 'langevin-step', side: 32, width, chains: 64, steps: 10 },
    threads: 2,
    engine,
    label: engine,
    kind,
    precision,
    unit: 'step',
    operations: OPERATIONS,
    seconds: [...seconds],
    cpuSeconds: [...seconds],
    peaks: peak === null ? null : seconds.map(() => peak),
    peakPrecision,
    relativeError: null,
    peakBytes: 150e6,
  };
}

export function results(rows: readonly Row[], changes: Partial<Results> = {}): Results {
  const made = newResults({
    environment: {
      cpu: 'Example 9000',
      cores: 2,
      memoryBytes: 8e9,
      os: 'Linux 6.1',
      node: 'v20.0.0',
      versions: { torch: '2.0' },
      commit: 'abc123',
      date: '2026-11-24T00:00:00.000Z',
      load: 0.1,
    },
    sampleSeconds: 0.5,
    rows: [...rows],
    leftOut: [],
  });
  return { ...made, ...changes };
}

/** `count` samples about `middle`, spread evenly over ± `spread` of it. */
export function about(middle: number, spread: number, count = 11): number[] {
  return Array.from({ length: count }, (_, i) => middle * (1 + spread * ((2 * i) / (count - 1) - 1)));
}
