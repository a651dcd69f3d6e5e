import { describe, expect, it } from 'vitest';
import { stateDict } from '../src/index.ts';
import { expectedTensors, golden, refusalOf, summarize } from './golden.ts';

describe('stateDict', () => {
  it('gives the tensors of a file in the order they were saved', () => {
    const state = stateDict(golden('state-dict.pth'));
    expect(summarize(state)).toEqual(expectedTensors('state-dict'));
    expect([...state.keys()].slice(0, 3)).toEqual(['f.0.weight', 'f.0.bias', 'f.2.weight']);
    expect(state.get('f.0.weight')!.shape).toEqual([4, 3, 3, 3]);
  });

  it.each(['checkpoint', 'legacy'])(
    'gives what is at a path of %s.pth, through keys with dots too',
    (name) => {
      const expected = expectedTensors(name).filter(([path]) => path.startsWith('netE.'));
      const netE = stateDict(golden(`${name}.pth`), 'netE');
      expect(summarize([...netE].map(([key, tensor]) => [`netE.${key}`, tensor]))).toEqual(expected);
      expect([...stateDict(golden(`${name}.pth`), 'a.b.c.d').keys()]).toEqual(['w']);
    },
  );

  it('says where the state dicts of a checkpoint are', () => {
    const refusal = refusalOf(() => stateDict(golden('checkpoint.pth')));
    expect(refusal?.code).toBe('NOT_A_STATE_DICT');
    expect(refusal?.message).toContain("its entry 'epoch' is not a tensor");
    expect(refusal?.message).toContain("'netE' or 'a.b.c.d'");
  });

  it('says so when there is nothing at the path, or something else', () => {
    expect(refusalOf(() => stateDict(golden('checkpoint.pth'), 'netG'))?.code).toBe('NO_SUCH_PATH');
    expect(refusalOf(() => stateDict(golden('checkpoint.pth'), 'epoch'))?.code).toBe('NOT_A_STATE_DICT');
    expect(refusalOf(() => stateDict(golden('checkpoint.pth'), 'netE.0.weight'))?.message).toContain(
      'a single tensor',
    );
    expect(refusalOf(() => stateDict(golden('storage.pth')))?.code).toBe('NOT_A_STATE_DICT');
  });
});
