import { linkSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CorruptDataError, InvalidArgumentError, InvalidShapeError, MissingDataError } from '@srmcmc/core';
import { datasetConformance } from '@srmcmc/core/testing';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { imageFolder, leftOut } from '../src/index.ts';
import { colour, coordinates, folderIn } from './pictures.ts';
import { golden, temporaryFolder } from './temporary.ts';

const root = temporaryFolder();
const folder = folderIn(root);

describe('a folder of images conforms', () => {
  let path: string;
  beforeAll(async () => {
    path = await folder('conforming', {
      'a/1.png': colour('#a00'),
      'a/2.jpg': colour('#0b0'),
      'b/3.webp': colour('#00c'),
      '4.JPEG': colour('#123'),
      '5.png': colour('#fff'),
    });
  });
  for (const { name, run } of datasetConformance(() => imageFolder(path, { size: 8 }))) test(name, run);
});

test('images at any depth are numbered by their paths; other files, and hidden ones, are left alone', async () => {
  const path = await folder('order', {
    'b.png': coordinates(4, 4, 2),
    'a/z.png': coordinates(4, 4, 0),
    'a/z/y.png': coordinates(4, 4, 1),
    'c.PNG': coordinates(4, 4, 3).png(),
    '._b.png': Buffer.from('resource fork'),
    'list.txt': Buffer.from('a/z.png'),
  });
  await mkdir(join(path, 'folder.png'));
  const images = await imageFolder(path);
  expect(images.files).toEqual(['a/z.png', 'a/z/y.png', 'b.png', 'c.PNG'].map((file) => join(path, file)));
  expect(images.shape).toEqual([4, 4, 3]);
  const blue = (await images.gather([3, 0, 2, 1])).filter((_, i) => i % 48 === 2);
  expect([...blue]).toEqual([3, 0, 2, 1]);
});

test('a crop without a size is the centre of the image, pixel for pixel', async () => {
  const path = await folder('crop', { '1.png': coordinates(9, 14) });
  const images = await imageFolder(path, { crop: 6 });
  expect(images.shape).toEqual([6, 6, 3]);
  const pixels = await images.gather([0]);
  for (let y = 0; y < 6; y++) {
    for (let x = 0; x < 6; x++)
      expect([...pixels.subarray((y * 6 + x) * 3, (y * 6 + x) * 3 + 2)]).toEqual([x + 1, y + 4]);
  }
  const square = await imageFolder(path, { crop: 'square' });
  expect(square.shape).toEqual([9, 9, 3]);
  expect([...(await square.gather([0])).subarray(0, 3)]).toEqual([0, 2, 0]);
});

test("celeba64 is the centre 108×108 resized to 64×64: Pillow's, to two levels", async () => {
  const data = new Uint8Array(218 * 178 * 3);
  for (let y = 0; y < 218; y++) {
    for (let x = 0; x < 178; x++) {
      for (let c = 0; c < 3; c++) {
        data[(y * 178 + x) * 3 + c] = Math.floor(127.5 + 120 * Math.sin(x / 7 + c) * Math.cos(y / (9 + c)));
      }
    }
  }
  const picture = sharp(data, { raw: { width: 178, height: 218, channels: 3 } });
  const path = await folder('celeba', { '000001.png': picture });
  const images = await imageFolder(path, { preset: 'celeba64' });
  expect(images.shape).toEqual([64, 64, 3]);
  const actual = await images.gather([0]);
  const expected = Buffer.from(await golden<string>('celeba64'), 'base64');
  const errors = Array.from(actual, (value, i) => Math.abs(value - expected[i]!));
  expect(Math.max(...errors)).toBeLessThanOrEqual(2);
  expect(errors.reduce((sum, error) => sum + error) / errors.length).toBeLessThan(0.5);
  // Another crop is another picture.
  const other = await (await imageFolder(path, { preset: 'celeba64', crop: 140 })).gather([0]);
  expect(Math.max(...Array.from(other, (value, i) => Math.abs(value - expected[i]!)))).toBeGreaterThan(50);
});

test('lsun64 keeps the whole shorter side', async () => {
  const path = await folder('lsun', { '1.png': coordinates(200, 100) });
  const images = await imageFolder(path, { preset: 'lsun64' });
  const pixels = await images.gather([0]);
  expect(images.shape).toEqual([64, 64, 3]);
  const [left, right] = [pixels[32 * 64 * 3]!, pixels[(32 * 64 + 63) * 3]!];
  expect(Math.abs(left - 50)).toBeLessThanOrEqual(1);
  expect(Math.abs(right - 149)).toBeLessThanOrEqual(1);
});

describe('bad files', () => {
  let path: string;
  let cut: string;
  beforeAll(async () => {
    const large = coordinates(120, 120);
    const png = await large.png().toBuffer();
    const jpeg = await large.jpeg().toBuffer();
    const webp = await large.webp().toBuffer();
    cut = await folder('cut', {
      '1.png': coordinates(130, 120),
      '2-cut.png': png.subarray(0, png.length / 2),
      '3-cut.jpg': jpeg.subarray(0, jpeg.length / 2),
    });
    path = await folder('bad', {
      '1.png': coordinates(130, 120),
      '2-cut.png': png.subarray(0, png.length / 2),
      '3-cut.jpg': jpeg.subarray(0, jpeg.length / 2),
      '4-cut.webp': webp.subarray(0, webp.length / 2),
      '5-page.jpg': Buffer.from('<html>'),
      '6-small.png': coordinates(120, 107),
      '7-empty.png': Buffer.alloc(0),
      '8.jpg': coordinates(120, 130),
      '9.png': coordinates(120, 120),
    });
  });

  test.each([
    [1, '2-cut.png'],
    [2, '3-cut.jpg'],
  ])('example %i, %s, whose header is good, throws CorruptDataError with its name', async (index, file) => {
    const images = await imageFolder(cut, { preset: 'celeba64' });
    await expect(images.gather([0, index])).rejects.toThrow(CorruptDataError);
    await expect(images.gather([0, index])).rejects.toThrow(`${file} cannot be decoded`);
  });

  test.each([
    ['text', Buffer.from('not a picture')],
    ['empty', Buffer.alloc(0)],
  ])(
    'a file called .png that is %s is refused when the folder is opened, resized or not',
    async (name, bytes) => {
      const files = { '1.png': coordinates(4, 4), '2.png': bytes, '3.png': bytes };
      const opened = await folder(`no-image-${name}`, files);
      for (const options of [{}, { size: 4 }, { crop: 2 }]) {
        await expect(imageFolder(opened, options)).rejects.toThrow(CorruptDataError);
        await expect(imageFolder(opened, options)).rejects.toThrow(
          /2\.png cannot be decoded: .*: replace it, remove it, or leave such files out with skipBad \(--skip-bad\)$/,
        );
      }
      expect((await imageFolder(opened, { subset: 1 })).size).toBe(1);
      expect((await imageFolder(opened, { skipBad: true })).size).toBe(1);
    },
  );

  test('a WebP image that is cut short, which its header tells, is refused when the folder is opened', async () => {
    const webp = await coordinates(120, 120).webp().toBuffer();
    const opened = await folder('cut-webp', {
      '1.png': coordinates(120, 120),
      '2.webp': webp.subarray(0, webp.length / 2),
    });
    await expect(imageFolder(opened)).rejects.toThrow('2.webp cannot be decoded');
  });

  test('of more than 20,000 files the headers of 2,000 are read, the same each time', async () => {
    const large = await folder('large', { '00000.png': coordinates(4, 4) });
    const names = Array.from({ length: 20_010 }, (_, i) => `${String(i).padStart(5, '0')}.png`);
    for (const name of names.slice(1)) linkSync(join(large, names[0]!), join(large, name));
    const replace = async (index: number, bytes: Uint8Array) => {
      await rm(join(large, names[index]!));
      await writeFile(join(large, names[index]!), bytes);
    };
    // 2,000 of 20,010: the distance is 10.005, so 9 is passed over and 10 is read.
    await replace(9, Buffer.from('text'));
    expect((await imageFolder(large)).size).toBe(20_010);
    await replace(10, Buffer.from('text'));
    await expect(imageFolder(large)).rejects.toThrow('00010.png cannot be decoded');
    await expect(imageFolder(large, { subset: 20_000 })).rejects.toThrow('00009.png cannot be decoded');
  }, 30_000);

  test('an image smaller than the crop is refused when the folder is opened, with its name and size', async () => {
    const small = await folder('small', { '1.png': coordinates(120, 120), '2.png': coordinates(120, 107) });
    await expect(imageFolder(small, { preset: 'celeba64' })).rejects.toThrow(InvalidShapeError);
    await expect(imageFolder(small, { preset: 'celeba64' })).rejects.toThrow(
      '2.png: expected shape [at least 108, at least 108], got [107, 120]: give a smaller crop (--crop)',
    );
  });

  test('images of mixed sizes are refused when the folder is opened, the first of them by name; a size makes them equal', async () => {
    const mixed = await folder('mixed', {
      '1.png': coordinates(16, 16),
      '2.png': coordinates(16, 16),
      '3.png': coordinates(32, 32),
      '4.png': coordinates(8, 8),
    });
    await expect(imageFolder(mixed)).rejects.toThrow(InvalidShapeError);
    await expect(imageFolder(mixed)).rejects.toThrow(
      '3.png: expected shape [16, 16, 3], got [32, 32, 3]: give imageSide (--image-side) to resize',
    );
    expect((await imageFolder(mixed, { size: 8 })).shape).toEqual([8, 8, 3]);
    expect((await imageFolder(mixed, { crop: 8 })).shape).toEqual([8, 8, 3]);
    expect((await imageFolder(mixed, { subset: 2 })).shape).toEqual([16, 16, 3]);
  });

  test('skipBad leaves them out, counts them and says why', async () => {
    const images = await imageFolder(path, { preset: 'celeba64', skipBad: true });
    expect(images.files.map((file) => file.slice(path.length + 1))).toEqual(['1.png', '8.jpg', '9.png']);
    expect(images.size).toBe(3);
    expect(images.skipped).toHaveLength(6);
    expect(images.skipped[4]!.file).toContain('6-small.png');
    expect(images.skipped[4]!.reason).toContain('at least 108');
    expect(leftOut(images)).toBe(`6 of 9 images left out, the first ${join(path, '2-cut.png')}`);
    expect(leftOut(await imageFolder(cut, { preset: 'celeba64' }))).toBe(undefined);
    expect((await images.gather([0, 1, 2])).length).toBe(3 * 64 * 64 * 3);
  });

  test('the reason of a file is the same each time, and its own, however many fail at once', async () => {
    const [png, jpeg] = await Promise.all([
      coordinates(120, 120).png().toBuffer(),
      coordinates(120, 120).jpeg().toBuffer(),
    ]);
    const files = Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => {
        const bytes = i % 2 === 0 ? png : jpeg;
        return [
          `${String(i).padStart(2, '0')}.${i % 2 === 0 ? 'png' : 'jpg'}`,
          bytes.subarray(0, bytes.length / 2),
        ];
      }),
    );
    const broken = await folder('broken', { ...files, 'whole.png': coordinates(120, 120) });
    const reasonOf = (message: string): string => /cannot be decoded: (.*): replace it/s.exec(message)![1]!;
    const { skipped } = await imageFolder(broken, { size: 8, skipBad: true });
    const reasons = (end: string): Set<string> =>
      new Set(skipped.filter(({ file }) => file.endsWith(end)).map(({ reason }) => reasonOf(reason)));
    expect(reasons('.png').size).toBe(1);
    expect(reasons('.jpg').size).toBe(1);
    expect(reasons('.jpg')).not.toEqual(reasons('.png'));
    const images = await imageFolder(broken, { size: 8 });
    for (let again = 0; again < 5; again++) {
      const error = await images
        .gather(Array.from({ length: 60 }, (_, i) => i))
        .catch((thrown: Error) => thrown);
      const { message } = error as Error;
      expect(reasons(/\d+(\.png|\.jpg) cannot/.exec(message)![1]!)).toEqual(new Set([reasonOf(message)]));
    }
  });

  test('of several in a batch the first is named, also where another fails sooner', async () => {
    const [large, small] = await Promise.all([
      coordinates(3000, 3000).png({ compressionLevel: 0 }).toBuffer(),
      coordinates(8, 8).png().toBuffer(),
    ]);
    const both = await folder('slow-and-quick', {
      '1-slow.png': large.subarray(0, large.length - 1000),
      '2-quick.png': small.subarray(0, small.length - 20),
    });
    const images = await imageFolder(both, { size: 8 });
    await expect(images.gather([0, 1])).rejects.toThrow('1-slow.png cannot be decoded');
    await expect(images.gather([1, 0])).rejects.toThrow('2-quick.png cannot be decoded');
  });

  test('skipBad with a subset finds that many good ones, or refuses', async () => {
    const options = { preset: 'celeba64', skipBad: true } as const;
    const two = await imageFolder(path, { ...options, subset: 2 });
    expect(two.files.map((file) => file.slice(path.length + 1))).toEqual(['1.png', '8.jpg']);
    await expect(imageFolder(path, { ...options, subset: 4 })).rejects.toThrow('has 3 examples');
  });

  test('a folder in which every file is bad is corrupt data', async () => {
    const bad = await folder('all-bad', { '1.png': Buffer.from('x'), '2.png': Buffer.from('y') });
    await expect(imageFolder(bad, { size: 8, skipBad: true })).rejects.toThrow(CorruptDataError);
    await expect(imageFolder(bad, { skipBad: true })).rejects.toThrow(CorruptDataError);
  });

  test('a file that vanishes after the folder was read is missing data', async () => {
    const gone = await folder('gone', { '1.png': coordinates(4, 4), '2.png': coordinates(4, 4) });
    const images = await imageFolder(gone);
    await rm(join(gone, '2.png'));
    await expect(images.gather([1])).rejects.toThrow(MissingDataError);
  });
});

test('no folder, a file, and a folder without images are missing data', async () => {
  await expect(imageFolder(join(root, 'nowhere'))).rejects.toThrow(MissingDataError);
  await expect(imageFolder(await folder('texts', { 'a.txt': Buffer.from('a') }))).rejects.toThrow(
    MissingDataError,
  );
  await expect(imageFolder(join(root, 'texts', 'a.txt'))).rejects.toThrow(MissingDataError);
});

test('options that cannot be used are refused by name', async () => {
  const path = await folder('options', { '1.png': coordinates(4, 4) });
  await expect(imageFolder(path, { subset: 2 })).rejects.toThrow('subset: is 2');
  await expect(imageFolder(path, { size: 0 })).rejects.toThrow('size: must be an integer of at least 1');
  await expect(imageFolder(path, { crop: 1.5 })).rejects.toThrow('crop: must be an integer');
  await expect(imageFolder(path, { channels: 4 as 3 })).rejects.toThrow('channels: 1 or 3');
  await expect(imageFolder(path, { preset: 'celeba' as 'celeba64' })).rejects.toThrow(InvalidArgumentError);
});

test('a batch of more images than decoders run at once keeps every image in its place', async () => {
  const files = Object.fromEntries(
    Array.from({ length: 60 }, (_, i) => [
      `${String(i).padStart(2, '0')}.png`,
      coordinates(3 + (i % 5), 40, i),
    ]),
  );
  const images = await imageFolder(await folder('many', files), { crop: 3 });
  const order = Array.from({ length: 60 }, (_, i) => (i * 37) % 60);
  const pixels = await images.gather(order);
  expect(order.map((_, i) => pixels[i * 27 + 2])).toEqual(order);
});
