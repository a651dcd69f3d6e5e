import { InvalidArgumentError } from '@srmcmc/core';
import { describe, expect, it } from 'vitest';
import { main } from '../src/command.ts';
import { readFlags } from '../src/flags.ts';

async function run(...args: string[]) {
  const written = { stdout: '', stderr: '' };
  const code = await main(args, {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    signal: new AbortController().signal,
  });
  return { code, ...written };
}

it('0 for --version', async () => {
  expect(await run('--version')).toEqual({ code: 0, stdout: '0.0.0\n', stderr: '' });
});

describe('exit code 2 and what is wrong, for', () => {
  it.each([
    ['an unknown flag', ['--chanis', '4'], "error: unknown option '--chanis'\n(Did you mean --chains?)\n"],
    [
      'a flag for the value of another',
      ['--steps', '--json', 'x'],
      "error: option '--steps <integer>' argument missing\n",
    ],
    [
      'a flag for the value of another, of a subcommand',
      ['table', 'all.json', '--svg', '--quick'],
      "error: option '--svg <text>' argument missing\n",
    ],
    ['a word for a number', ['--chains', '1,many'], "error: chains: must be a number, got 'many'\n"],
    ['no chains', ['--chains', '0'], 'error: chains: must be at least 1, got 0\n'],
    ['a fraction', ['--threads', '1.5'], 'error: threads: must be an integer, got 1.5\n'],
    ['too few samples', ['--samples', '2'], 'error: samples: must be at least 3, got 2\n'],
    [
      'an unknown workload',
      ['--workloads', 'training'],
      "error: workloads: must be one of langevin-step, hmc-step, learning-iteration, learning-part, convolution, inception, got 'training'\n",
    ],
    [
      'a net that the paper has not',
      ['--nets', '64x32'],
      "error: nets: must be n@side with side 32, 64 or 128, such as 64@32, got '64x32'\n",
    ],
    ['a file without a name', ['--json', ''], "error: json: must not be empty, got ''\n"],
    ['an unknown peer', ['--peer', 'jax'], "error: peer: must be one of pytorch, openvino, got 'jax'\n"],
    [
      'an unknown engine',
      ['--engines', 'pytorch'],
      "error: engines: must be of native, tensorflow-gpu, tensorflow, wasm, cpu, got 'pytorch'; peers are chosen by --peer\n",
    ],
    [
      'a baseline without a name',
      ['--update-baseline'],
      'error: updateBaseline: needs --check, the file to write\n',
    ],
  ])('%s', async (_, args, message) => {
    const { code, stderr } = await run(...args);
    expect(stderr).toBe(message);
    expect(code).toBe(2);
  });
});

it.each([
  ['a baseline that is not there', ['--check', 'absent.json'], 'error: cannot read absent.json: ENOENT'],
  ['results that are no JSON', ['table', 'package.json.not'], 'error: cannot read package.json.not'],
  [
    'JSON that is no results',
    ['table', 'package.json'],
    'error: package.json is no file of results: program',
  ],
])('exit code 1 and one line for %s', async (_, args, message) => {
  const { code, stderr } = await run(...args);
  expect(code).toBe(1);
  expect(stderr).toContain(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

it('the help names every flag with its default', async () => {
  const { code, stdout } = await run('--help');
  expect(code).toBe(0);
  for (const flag of ['--workloads <names>', '--chains <integers>', '--sample-seconds <number>', '--quick']) {
    expect(stdout).toContain(flag);
  }
  expect(stdout.replace(/\s+/g, ' ')).toContain("--nets <names> the paper's nets, n@side");
  expect(stdout).toContain('(default: 32@32,64@32,128@32,64@64)');
});

it('--quick changes defaults, and not what is given', () => {
  expect(readFlags({ quick: true })).toMatchObject({ nets: ['32@32'], samples: 5 });
  expect(readFlags({ quick: true, samples: '7' })).toMatchObject({ samples: 7 });
  expect(readFlags({})).toMatchObject({ samples: 11, sampleSeconds: 0.5 });
});

it('bad flags are typed errors', () => {
  expect(() => readFlags({ budget: '-1' })).toThrow(InvalidArgumentError);
  expect(() => readFlags({ budget: '-1' })).toThrow('budget: must be above 0, got -1');
});
