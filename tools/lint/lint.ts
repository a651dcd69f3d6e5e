/**
 * Every check that needs no test runner, one line each. `pnpm lint` runs all, `pnpm lint types text` only those
 * named. Exits with 1 when a check fails, after the output of the failed ones.
 */
import { checkManifests } from './manifests.ts';
import { checkPublished } from './published.ts';
import { checkText } from './text.ts';
import { command, type CommandResult, root } from './workspace.ts';

const tool =
  (program: string, ...args: string[]): (() => Promise<CommandResult>) =>
  () =>
    command(program, args);

const own = (problems: string[]): Promise<CommandResult> =>
  Promise.resolve({ ok: problems.length === 0, output: problems.join('\n') });

const checks: Readonly<Record<string, () => Promise<CommandResult>>> = {
  format: tool('prettier', '--check', '--log-level=warn', '.'),
  types: tool('tsc', '--project', 'tsconfig.json'),
  dependencies: tool(
    'depcruise',
    '--config=tools/lint/dependency-rules.mjs',
    '--output-type=err-long',
    ...['packages', 'apps', 'examples', 'tools'],
  ),
  unused: tool('knip', '--no-progress', '--no-config-hints'),
  workspace: tool('sherif', '--fail-on-warnings'),
  manifests: () => own(checkManifests(root)),
  text: () => own(checkText(root)),
  published: checkPublished,
};

const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in checks));
if (unknown.length > 0) {
  console.error(`no check named ${unknown.join(', ')}; there are ${Object.keys(checks).join(', ')}`);
  process.exit(2);
}

const failures: string[] = [];
for (const name of named.length > 0 ? named : Object.keys(checks)) {
  const start = performance.now();
  const { ok, output } = await checks[name]!();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(12)} ${seconds.padStart(6)} s`);
  if (!ok) failures.push(`\n── ${name} ──\n${output.trim()}`);
}
if (failures.length > 0) {
  console.log(failures.join('\n'));
  process.exitCode = 1;
}
