/**
 * Every block of the documentation that opens with "```ts runnable" is type-checked and run as it stands: a
 * package's README as a file of that package, any other page as a file of examples/, which has all packages.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { command, members, root } from './lint/workspace.ts';

interface Block {
  /** "packages/core/README.md:12", the line its code starts at. */
  readonly origin: string;
  readonly code: string;
  /** Where it is written to be run, relative to the root; ignored by git. */
  readonly path: string;
}

const readmes = members().map(({ directory }) => `${directory}/README.md`);
const pages = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`);
const blocks = ['README.md', 'CONTRIBUTING.md', ...pages, ...readmes]
  .filter((document) => existsSync(join(root, document)))
  .flatMap(runnableBlocks);
const folders = [...new Set(['examples/.runnable', ...blocks.map(({ path }) => dirname(path))])];

function runnableBlocks(document: string): Block[] {
  const member = /^((?:packages|apps)\/[^/]+)\/README\.md$/.exec(document)?.[1] ?? 'examples';
  const text = readFileSync(join(root, document), 'utf8');
  return [...text.matchAll(/^```ts runnable\n(.*?)^```$/gms)].map((match) => {
    const line = text.slice(0, match.index).split('\n').length + 1;
    const name = `${document.replace(/\W+/g, '-')}-line-${line}.ts`;
    return { origin: `${document}:${line}`, code: match[1]!, path: `${member}/.runnable/${name}` };
  });
}

const remove = (): void => {
  for (const folder of folders) rmSync(join(root, folder), { recursive: true, force: true });
};

beforeAll(() => {
  remove();
  for (const folder of folders) mkdirSync(join(root, folder), { recursive: true });
  for (const { path, code } of blocks) writeFileSync(join(root, path), code);
});
afterAll(remove);

for (const { directory } of members().filter(({ directory }) => directory.startsWith('packages/'))) {
  test(`the README of ${directory} has a block that runs`, () => {
    expect(blocks.map(({ origin }) => origin.split(':')[0])).toContain(`${directory}/README.md`);
  });
}

test('runnable blocks pass the type checker', async () => {
  const project = join(root, 'examples/.runnable/tsconfig.json');
  const files = blocks.map(({ path }) => join(root, path));
  writeFileSync(project, JSON.stringify({ extends: '../../tsconfig.base.json', files }));
  const { ok, output } = await command('tsc', ['--project', project, '--pretty', 'false']);
  expect(ok, output).toBe(true);
});

for (const { origin, path } of blocks) {
  test(`${origin} runs`, async () => {
    const file = join(root, path);
    const args = ['--conditions=@srmcmc/source', '--import', 'tsx', file];
    // A block may write files: they go with its folder.
    const { ok, output } = await command(process.execPath, args, { cwd: dirname(file) });
    expect(ok, output).toBe(true);
  });
}
