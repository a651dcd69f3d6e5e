/** A program that says a line and ends well. */
import { runProgram } from '../../src/index.ts';

await runProgram(async () => {
  process.stdout.write('a line\n');
  return 0;
});
