// Prints "N passed, N failed" from a report of vitest's json reporter, and exits with 1 unless all went well.
// Usage: node totals.mjs <report.json> <exit status of vitest>
import { readFileSync } from 'node:fs';

const [path, status] = process.argv.slice(2);

/** Counts of one run. A file that could not be loaded has no tests in the report, and counts as one failure. */
function totals(report) {
  const unloaded = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

function read() {
  try {
    return totals(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    // No report: the runner itself fell over.
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

const { passed, failed, skipped } = read();
// Errors outside any test fail the run without failing a test.
const failures = failed === 0 && (status !== '0' || passed === 0) ? 1 : failed;
console.log(`${passed} passed, ${failures} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failures > 0 ? 1 : 0;
