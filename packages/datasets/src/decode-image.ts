/** One image file to 8-bit pixels of a known number of channels, cropped at its centre and resized. */
import { CorruptDataError, InvalidShapeError } from '@srmcmc/core';
import sharp from 'sharp';
import { messageOf, readData } from './files.ts';

export interface ImageForm {
  /** A centred square: the largest, or one of this side; undefined leaves the image whole. */
  readonly crop: 'square' | number | undefined;
  /** Side after resizing; undefined does not resize. */
  readonly size: number | undefined;
  readonly channels: 1 | 3;
}

export interface DecodedImage {
  /** `[height, width, channels]` */
  readonly shape: readonly [number, number, number];
  readonly pixels: Uint8Array;
}

/** Throws MissingDataError, CorruptDataError (not an image, or cut short), InvalidShapeError (smaller than the crop). */
export async function decodeImage(file: string, form: ImageForm): Promise<DecodedImage> {
  const bytes = await readData(file);
  return naming(file, async () => {
    let image = sharp(bytes, { failOn: 'error' });
    const { autoOrient, hasAlpha } = await image.metadata();
    image = image.autoOrient();
    const side = cropSide(file, form, autoOrient);
    if (side !== undefined) {
      // The odd pixel stays at the right and bottom.
      const left = Math.floor((autoOrient.width - side) / 2);
      const top = Math.floor((autoOrient.height - side) / 2);
      image = image.extract({ left, top, width: side, height: side });
    }
    if (form.size !== undefined) image = image.resize(form.size, form.size, { fastShrinkOnLoad: false });
    if (hasAlpha) image = image.flatten({ background: '#ffffff' });
    image = form.channels === 1 ? image.greyscale() : image.toColourspace('srgb');
    const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    return { shape: [info.height, info.width, info.channels], pixels: data };
  });
}

/** The shape that `decodeImage` would give, from the header alone. Throws the same for what a header can tell. */
export async function headerShape(file: string, form: ImageForm): Promise<DecodedImage['shape']> {
  const bytes = await readData(file);
  return naming(file, async () => {
    const { autoOrient } = await sharp(bytes).metadata();
    const side = cropSide(file, form, autoOrient);
    const square = form.size ?? side;
    return [square ?? autoOrient.height, square ?? autoOrient.width, form.channels];
  });
}

/** Side of the square to cut out; undefined where the image stays whole. */
function cropSide(
  file: string,
  { crop }: ImageForm,
  { width, height }: { readonly width: number; readonly height: number },
): number | undefined {
  if (crop === undefined) return undefined;
  const side = crop === 'square' ? Math.min(width, height) : crop;
  if (side > width || side > height) {
    throw new InvalidShapeError(
      file,
      [`at least ${side}`, `at least ${side}`],
      [height, width],
      'give a smaller crop (--crop), or remove the file',
    );
  }
  return side;
}

async function naming<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof InvalidShapeError) throw cause;
    throw new CorruptDataError(
      `${file} cannot be decoded: ${messageOf(cause)}: replace it, remove it, or leave such files out with skipBad (--skip-bad)`,
      { cause },
    );
  }
}
