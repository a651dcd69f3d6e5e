/** What a program of one's own needs of the benchmark: its files of results, and the comparison with a baseline. */
export { check, type CheckedRow, type CheckResult, UnlikeBaselineError } from './check.ts';
export { readResults, type Results, ResultsFileError, type Row, summary, type Summary } from './results.ts';
