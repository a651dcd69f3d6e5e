/** A program from its start to its exit code. */

/**
 * Runs `main` and makes what it returns the exit code. A reader that has seen enough of the output, such as `head`, is no
 * failure; output that cannot be written, as to a full disk, is told of in a line, and then the exit code is 1.
 */
export async function runProgram(main: () => Promise<number>): Promise<void> {
  let problem: string | undefined;
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code !== 'EPIPE') problem ??= message;
  });
  process.stderr.on('error', () => undefined);
  process.exitCode = await main();
  // The last line's error comes after it.
  await new Promise((resolve) => setImmediate(resolve));
  if (problem === undefined) return;
  process.stderr.write(`error: the output is not complete, for it could not be written: ${problem}\n`);
  process.exitCode ||= 1;
}
