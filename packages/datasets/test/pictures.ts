/** Folders of pictures that tests make. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';

/** A picture whose red is x and whose green is y, so that a pixel says where it came from. */
export function coordinates(width: number, height: number, blue = 0): Sharp {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) data.set([x, y, blue], (y * width + x) * 3);
  return sharp(data, { raw: { width, height, channels: 3 } });
}

export const colour = (
  background: string | { r: number; g: number; b: number; alpha: number },
  channels: 3 | 4 = 3,
) => sharp({ create: { width: 12, height: 10, channels, background } });

/** Makes folders of files below `root`. */
export function folderIn(
  root: string,
): (name: string, files: Record<string, Sharp | Uint8Array>) => Promise<string> {
  return async (name, files) => {
    const path = join(root, name);
    await mkdir(path, { recursive: true });
    for (const [file, content] of Object.entries(files)) {
      await mkdir(join(path, file, '..'), { recursive: true });
      await (content instanceof Uint8Array
        ? writeFile(join(path, file), content)
        : content.toFile(join(path, file)));
    }
    return path;
  };
}
