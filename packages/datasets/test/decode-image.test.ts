import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { imageFolder } from '../src/index.ts';
import { colour, coordinates, folderIn } from './pictures.ts';
import { temporaryFolder } from './temporary.ts';

const folder = folderIn(temporaryFolder());

describe('every kind of pixel becomes 8-bit colour or grey', () => {
  const red = { r: 200, g: 40, b: 80 };
  const pixel = async (name: string, content: Sharp | Uint8Array, channels: 1 | 3 = 3) => {
    const path = await folder(name, { [`${name}.${name.split('-')[0]}`]: content });
    const images = await imageFolder(path, { channels });
    expect(images.shape).toEqual([10, 12, channels]);
    return [...(await images.gather([0])).subarray(0, channels)];
  };

  test('grey becomes three equal channels', async () => {
    expect(await pixel('png-grey', colour('#808080').toColourspace('b-w'))).toEqual([128, 128, 128]);
  });

  test('transparency is laid on white', async () => {
    expect(await pixel('png-alpha', colour({ ...red, alpha: 0.6 }, 4))).toEqual([222, 126, 150]);
    expect(await pixel('webp-clear', colour({ ...red, alpha: 0 }, 4).webp({ lossless: true }))).toEqual([
      255, 255, 255,
    ]);
  });

  test('grey with transparency is laid on white', async () => {
    const data = Uint8Array.from({ length: 240 }, (_, i) => (i % 2 === 0 ? 100 : 0));
    const image = sharp(data, { raw: { width: 12, height: 10, channels: 2 } });
    expect(await pixel('png-grey-alpha', image)).toEqual([255, 255, 255]);
  });

  test('16 bits become the nearest 8', async () => {
    const data = Uint16Array.from({ length: 360 }, (_, i) => [0x1234, 0x80ff, 0xffff][i % 3]!);
    const image = sharp(data, { raw: { width: 12, height: 10, channels: 3 } }).toColourspace('rgb16');
    const png = await image.png().toBuffer();
    expect((await sharp(png).metadata()).depth).toBe('ushort');
    const [r, g, b] = await pixel('png-16', png);
    expect(Math.abs(r! - 0x12)).toBeLessThanOrEqual(1);
    expect(Math.abs(g! - 0x81)).toBeLessThanOrEqual(1);
    expect(b).toBe(255);
  });

  test('CMYK becomes RGB', async () => {
    const jpeg = await colour({ ...red, alpha: 1 })
      .toColourspace('cmyk')
      .jpeg({ quality: 100 })
      .toBuffer();
    expect((await sharp(jpeg).metadata()).space).toBe('cmyk');
    const rgb = await pixel('jpg-cmyk', jpeg);
    // The profile's gamut is smaller: red stays by far the largest, blue above green.
    expect(rgb[0]!).toBeGreaterThan(rgb[2]! + 60);
    expect(rgb[2]!).toBeGreaterThan(rgb[1]!);
  });

  test('with one channel, colour becomes luminance', async () => {
    const [grey] = await pixel('png-luminance', colour('#00ff00'), 1);
    expect(grey).toBeGreaterThan(180);
    expect(grey).toBeLessThan(240);
  });

  test('an orientation tag is applied', async () => {
    const jpeg = await coordinates(20, 10).jpeg({ quality: 100 }).withMetadata({ orientation: 6 }).toBuffer();
    const path = await folder('turned', { '1.jpg': jpeg });
    expect((await imageFolder(path)).shape).toEqual([20, 10, 3]);
    expect((await imageFolder(path, { crop: 8 })).shape).toEqual([8, 8, 3]);
  });
});
