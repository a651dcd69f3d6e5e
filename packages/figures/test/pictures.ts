/** The pictures that an SVG holds, as RGB bytes each. */
import sharp from 'sharp';

export async function pictures(svg: string): Promise<number[][]> {
  const found = [...svg.matchAll(/data:image\/png;base64,([^"]*)"/g)];
  return Promise.all(
    found.map(async ([, base64]) => [
      ...(await sharp(Buffer.from(base64!, 'base64')).removeAlpha().raw().toBuffer()),
    ]),
  );
}
