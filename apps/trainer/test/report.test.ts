import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { resolveConfig } from '../src/config.ts';
import { main } from '../src/command.ts';
import { writeReport } from '../src/report.ts';
import { runFolderAt } from '../src/run-folder.ts';
import { train } from '../src/train.ts';
import { temporaryFolder, tinyImageFields, writeImages } from './fixtures.ts';

const pixelsOf = (picture: Uint8Array): Promise<Buffer> => sharp(picture).removeAlpha().raw().toBuffer();

test('a report is one file that holds the run: command, configuration, versions, curves, the very pictures', async () => {
  const folder = await temporaryFolder();
  const config = resolveConfig({
    ...tinyImageFields(await writeImages(folder)),
    runs: join(folder, 'runs'),
    name: 'shown',
    iterations: 6,
    sampleEvery: 2,
    evaluateEvery: 2,
  });
  const command = 'srmcmc-train --name "shown" & <more>';
  const run = await train(config, { command });
  const html = await readFile(run.folder.report, 'utf8');

  expect(html).toContain('srmcmc-train --name &quot;shown&quot; &amp; &lt;more&gt;');
  expect(html).toContain('6 of 6 iterations');
  expect(html).toContain('images [8, 8, 3], 64 examples');
  expect(html).toContain(`node ${process.version}`);
  expect(html).toMatch(/Backend<\/dt><dd>cpu/);
  for (const field of Object.keys(config)) expect(html).toContain(`<code>${field}</code>`);
  expect(html.match(/<svg /g)).toHaveLength(8);
  expect(html).toContain('Distance of fixed samples to the data');

  const names = (await readdir(run.folder.samples)).sort();
  expect(names.map((name) => Number(/\d+/.exec(name)![0]))).toEqual([0, 2, 4, 6]);
  const pictures = [...html.matchAll(/data:image\/webp;base64,([^"]*)"/g)].map(([, one]) =>
    Buffer.from(one!, 'base64'),
  );
  for (const name of names) {
    const pixels = await pixelsOf(await readFile(join(run.folder.samples, name)));
    const shown = await Promise.all(pictures.map((picture) => pixelsOf(picture)));
    expect(shown.some((one) => one.equals(pixels))).toBe(true);
  }
  // Nothing is fetched: no scripts, and no address in any attribute.
  expect(html).not.toMatch(
    /<script|<link|(src|href)="(?!data:)|url\((?!#)|https?:(?!\/\/www\.w3\.org\/2000\/svg")/,
  );
});

test('a report can be written again, and shows twelve pictures at most, first and last among them', async () => {
  const folder = await temporaryFolder();
  const config = resolveConfig({
    ...tinyImageFields(await writeImages(folder)),
    runs: join(folder, 'runs'),
    name: 'many',
    iterations: 30,
    sampleEvery: 1,
  });
  const run = await train(config);
  await writeFile(run.folder.report, '');
  const text: string[] = [];
  const stream = { write: (line: string) => text.push(line) };
  expect(await main(['report', run.folder.path], { stdout: stream, stderr: stream })).toBe(0);
  expect(text).toEqual([`report: ${run.folder.report}\n`]);
  const html = await readFile(run.folder.report, 'utf8');
  const shown = [...html.matchAll(/<figcaption>iteration (\d+)</g)].map((match) => Number(match[1]));
  expect(shown).toHaveLength(12);
  expect([shown[0], shown.at(-1)]).toEqual([0, 30]);
});

test('a run that was broken off before its first iteration still has a report', async () => {
  const folder = runFolderAt(await temporaryFolder());
  await mkdir(folder.samples);
  await writeFile(folder.config, JSON.stringify(resolveConfig({})));
  await writeReport(folder);
  expect(await readFile(folder.report, 'utf8')).toContain('0 of 700 iterations');
});
