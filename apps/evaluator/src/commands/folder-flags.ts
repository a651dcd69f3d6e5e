/** The flags about the images of a folder, of which a command that reads data has those that it needs. */
import { z } from 'zod';

export const folderFlags = {
  size: z.int().min(2).optional().describe('side that the images of a folder are resized to'),
  crop: z.int().min(1).optional().describe('side of the centred square cut out of the images of a folder'),
  skipBad: z
    .boolean()
    .default(false)
    .describe('decode all images of a folder at the start, and leave out those that cannot be used'),
};
