/** From a file to a network's named tensors. */
import { PthError } from './errors.ts';
import { parsePth, type ParsePthOptions } from './parse.ts';
import { PthTensor, type PthValue } from './values.ts';

/**
 * The state dict in a file: names and tensors, in the order they were saved.
 *
 * @param path Where in the file it is, if the file holds more: `'netE'` for a checkpoint `{'netE': net.state_dict(),
 * ...}`, `'model.encoder'` for nested ones.
 * @throws PthError `NO_SUCH_PATH` when the file has nothing there, `NOT_A_STATE_DICT` when what it has is not a mapping
 * from names to tensors (the message tells where there is one), and whatever `parsePth` throws.
 */
export function stateDict(
  bytes: Uint8Array,
  path = '',
  options: ParsePthOptions = {},
): Map<string, PthTensor> {
  const root = parsePth(bytes, options);
  const value = path === '' ? root : select(root, path);
  if (value === undefined) {
    throw new PthError('NO_SUCH_PATH', `the file has nothing at '${path}': ${whereThereIsOne(root)}`);
  }
  if (!isStateDict(value)) {
    const place = path === '' ? 'the file is' : `'${path}' is`;
    throw new PthError('NOT_A_STATE_DICT', `${place} ${describe(value)}: ${whereThereIsOne(root)}`);
  }
  return new Map(value);
}

/** The value at a path of keys joined by dots, where keys may have dots themselves. */
function select(value: PthValue, path: string): PthValue | undefined {
  if (!(value instanceof Map)) return undefined;
  if (value.has(path)) return value.get(path);
  for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) {
    const inner = value.get(path.slice(0, dot));
    const found = inner === undefined ? undefined : select(inner, path.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

function isStateDict(value: PthValue): value is Map<string, PthTensor> {
  return (
    value instanceof Map &&
    [...value].every(([key, entry]) => typeof key === 'string' && entry instanceof PthTensor)
  );
}

/** What a value is that is no state dict. */
function describe(value: PthValue): string {
  if (value instanceof PthTensor) return 'a single tensor, not a state dict';
  if (!(value instanceof Map)) return 'not a mapping from names to tensors';
  const [key] = [...value].find(([, entry]) => !(entry instanceof PthTensor)) ?? [];
  if (typeof key !== 'string') return 'not a state dict, because not all its keys are text';
  return `not a state dict, because its entry '${key}' is not a tensor`;
}

function whereThereIsOne(root: PthValue): string {
  const paths = pathsOfStateDicts(root);
  if (paths.length === 0) return 'read it with parsePth() and pick the tensors';
  return `pass as path ${paths.map((path) => `'${path}'`).join(' or ')}`;
}

/** Deep enough for checkpoints as people nest them, and no deeper for files that nest to harm. */
const SEARCH_DEPTH = 3;
const MOST_SUGGESTIONS = 8;

function pathsOfStateDicts(root: PthValue): string[] {
  const found: string[] = [];
  const search = (value: PthValue, path: string, depth: number): void => {
    if (!(value instanceof Map) || found.length === MOST_SUGGESTIONS) return;
    if (path !== '' && value.size > 0 && isStateDict(value)) found.push(path);
    else if (depth < SEARCH_DEPTH) {
      for (const [key, inner] of value) {
        if (typeof key === 'string') search(inner, path === '' ? key : `${path}.${key}`, depth + 1);
      }
    }
  };
  search(root, '', 0);
  return found;
}
