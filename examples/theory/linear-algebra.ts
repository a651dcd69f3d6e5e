/** Small dense matrices, as rows. */

export type Matrix = readonly (readonly number[])[];

export function multiply(a: Matrix, b: Matrix): number[][] {
  return a.map((row) => b[0]!.map((_, k) => row.reduce((sum, value, j) => sum + value * b[j]![k]!, 0)));
}

export function transpose(a: Matrix): number[][] {
  return a[0]!.map((_, k) => a.map((row) => row[k]!));
}

export function trace(a: Matrix): number {
  return a.reduce((sum, row, i) => sum + row[i]!, 0);
}

/** The x of a x = b, by elimination with row exchanges. Throws RangeError for a singular a. */
export function solve(a: Matrix, b: Matrix): number[][] {
  const n = a.length;
  const rows = a.map((row, i) => [...row, ...b[i]!]);
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i]![k]!) > Math.abs(rows[pivot]![k]!)) pivot = i;
    [rows[k], rows[pivot]] = [rows[pivot]!, rows[k]!];
    const head = rows[k]![k]!;
    if (!(Math.abs(head) > 0)) throw new RangeError('the matrix is singular');
    rows[k] = rows[k]!.map((value) => value / head);
    for (let i = 0; i < n; i++) {
      const factor = rows[i]![k]!;
      if (i !== k) rows[i] = rows[i]!.map((value, j) => value - factor * rows[k]![j]!);
    }
  }
  return rows.map((row) => row.slice(n));
}

export function inverse(a: Matrix): number[][] {
  return solve(
    a,
    a.map((row, i) => row.map((_, k) => (i === k ? 1 : 0))),
  );
}

/** The lower triangular L of a = L Lᵀ. Throws RangeError where a is not positive definite. */
export function cholesky(a: Matrix): number[][] {
  const L = a.map((row) => row.map(() => 0));
  a.forEach((row, i) => {
    for (let j = 0; j <= i; j++) {
      const rest = L[j]!.slice(0, j).reduce((sum, value, k) => sum - value * L[i]![k]!, row[j]!);
      if (i === j && !(rest > 0)) throw new RangeError('the matrix is not positive definite');
      L[i]![j] = i === j ? Math.sqrt(rest) : rest / L[j]![j]!;
    }
  });
  return L;
}
