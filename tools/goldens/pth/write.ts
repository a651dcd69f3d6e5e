/** Writes the tensors of a safetensors file as a .pth: `write.ts in.safetensors out.pth`, for make.py to load. */
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from '../../../packages/safetensors/src/index.ts';
import { serializeStateDict } from '../../../packages/pth/src/index.ts';

const [source, target] = process.argv.slice(2);
if (!source || !target) throw new Error('usage: write.ts in.safetensors out.pth');
writeFileSync(target, serializeStateDict(parse(readFileSync(source)).tensors));
