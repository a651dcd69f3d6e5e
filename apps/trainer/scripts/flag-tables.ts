/** Writes the tables of flags into the README, between its two markers. */
import { readFileSync, writeFileSync } from 'node:fs';
import { flagTables } from '../src/flags.ts';

const readme = new URL('../README.md', import.meta.url);
const text = readFileSync(readme, 'utf8');
const between = /(<!-- flags: .* -->\n)[\s\S]*(\n<!-- end of flags -->)/;
if (!between.test(text)) throw new Error('the README has lost its markers');
writeFileSync(
  readme,
  text.replace(between, (_, begin: string, end: string) => `${begin}\n${flagTables()}\n${end}`),
);
