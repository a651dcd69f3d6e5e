import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { key, normals } from '@srmcmc/core';
import { compiledModule } from '../scripts/wasm.ts';
import { visitDistances } from '../src/linear-algebra/distances.ts';
import { type Block, Workspace } from '../src/linear-algebra/workspace.ts';

test('the module that is shipped is the one that its source compiles to', async () => {
  const shipped = readFileSync(new URL('../src/linear-algebra/module.ts', import.meta.url), 'utf8');
  expect(shipped).toBe(await compiledModule());
});

function random(block: Block, seed: number): Float64Array {
  block.values.set(normals(key(seed), 1, block.values.length));
  return Float64Array.from(block.values);
}

test('products and distances of every size of tile equal sums written out', () => {
  for (const [m, n, d] of [
    [1, 1, 1],
    [4, 2, 2],
    [5, 3, 7],
    [67, 65, 9],
    [3, 131, 300],
    [70, 9, 513],
  ] as const) {
    const workspace = new Workspace((2 * m + n) * d + m * n + m * m + 6 + 64 * Math.max(m, n));
    const [x, y, out] = [workspace.take(m * d), workspace.take(n * d), workspace.take(m * n)];
    const [gram, sums, block] = [
      workspace.take(m * m),
      workspace.take(6),
      workspace.take(64 * Math.max(m, n)),
    ];
    const [a, b] = [random(x, 1), random(y, 2)];
    const { kernels } = workspace;
    kernels.squaredDistances(m, n, d, x.place, y.place, out.place);
    kernels.cubicKernelSums(m, n, d, x.place, y.place, block.place, sums.place);
    kernels.addLowerGram(m, d, -2, x.place, d, gram.place, m);
    const over = (of: (k: number) => number) =>
      Array.from({ length: d }, (_, k) => of(k)).reduce((sum, value) => sum + value, 0);
    let [total, trace] = [0, 0];
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        const square = over((k) => (a[i * d + k]! - b[j * d + k]!) ** 2);
        expect(out.values[i * n + j]! / square).toBeCloseTo(1, 13);
        const kernel = (over((k) => a[i * d + k]! * b[j * d + k]!) / d + 1) ** 3;
        total += kernel;
        if (i === j) trace += kernel;
      }
      for (let j = 0; j <= i; j++) {
        expect(gram.values[i * m + j]!).toBeCloseTo(-2 * over((k) => a[i * d + k]! * a[j * d + k]!), 10);
      }
    }
    expect(sums.values[0]! / total).toBeCloseTo(1, 12);
    expect(sums.values[1]! / trace).toBeCloseTo(1, 12);
    // X with itself takes a way of its own; X with a copy of it takes the other.
    const copy = workspace.take(m * d);
    copy.values.set(a);
    kernels.cubicKernelSums(m, m, d, x.place, x.place, block.place, sums.place + 16);
    kernels.cubicKernelSums(m, m, d, x.place, copy.place, block.place, sums.place + 32);
    expect(sums.values[2]! / sums.values[4]!).toBeCloseTo(1, 12);
    expect(sums.values[3]! / sums.values[5]!).toBeCloseTo(1, 12);
  }
});

test('tr (A B)^½ of matrices that commute is the sum of the roots of their eigenvalues, at every order up to 70', () => {
  for (const n of [1, 2, 3, 31, 32, 33, 63, 64, 65, 70]) {
    const probe = new Workspace(1);
    const scratch = probe.kernels.scratchSize(n);
    const workspace = new Workspace(3 * n ** 2 + scratch + 4);
    const [a, b, third] = [workspace.take(n * n), workspace.take(n * n), workspace.take(n * n)];
    const [rest, out] = [workspace.take(scratch), workspace.take(4)];
    // Eigenvalues λ and µ, of which a third are 0, on the axes that a reflection I − 2 v vᵀ / |v|² turns into.
    const v = normals(key(n), 1, n);
    const norm = v.reduce((sum, z) => sum + z * z, 0);
    const reflection = (i: number, j: number) => (i === j ? 1 : 0) - (2 * v[i]! * v[j]!) / norm;
    const lambda = Array.from({ length: n }, (_, i) => (i % 3 === 2 ? 0 : 10 ** -(i % 5)));
    const mu = Array.from({ length: n }, (_, i) => (i % 3 === 1 ? 0 : 1 + i));
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        for (let k = 0; k < n; k++) {
          a.values[i * n + j]! += lambda[k]! * reflection(i, k) * reflection(j, k);
          b.values[i * n + j]! += mu[k]! * reflection(i, k) * reflection(j, k);
        }
      }
    }
    const trace = workspace.kernels.traceOfRoot(n, a.place, b.place, third.place, rest.place, out.place);
    const expected = lambda.reduce((sum, value, i) => sum + Math.sqrt(value * mu[i]!), 0);
    expect(Math.abs(trace - expected)).toBeLessThan(3e-7 * expected);
    expect(out.values[0]).toBeLessThanOrEqual(n);
  }
});

test('a call in a thread gives what a call here gives', async () => {
  const workspace = new Workspace(60);
  const [x, y, out] = [workspace.take(20), workspace.take(20), workspace.take(16)];
  random(x, 3);
  random(y, 4);
  workspace.kernels.squaredDistances(4, 4, 5, x.place, y.place, out.place);
  const here = out.values.slice();
  out.values.fill(0);
  await workspace.callAside('squaredDistances', [4, 4, 5, x.place, y.place, out.place]);
  workspace.close();
  expect(out.values).toEqual(here);
});

test('every pair of rows is visited once, and half of them where both matrices are one', async () => {
  const rows = { values: normals(key(5), 1100, 2), dimension: 2 };
  const visits = async (other: typeof rows): Promise<number> => {
    let pairs = 0;
    await visitDistances(rows, other, (block) => (pairs += block.rows * block.columns));
    return pairs;
  };
  expect(await visits({ ...rows })).toBe(1100 ** 2);
  // Blocks of 512, 512 and 76.
  expect(await visits(rows)).toBe((1100 ** 2 + 512 ** 2 + 512 ** 2 + 76 ** 2) / 2);
});

test('more memory than there is gives a typed error', () => {
  expect(() => new Workspace(2 ** 40)).toThrow(expect.objectContaining({ code: 'OUT_OF_MEMORY' }));
});
