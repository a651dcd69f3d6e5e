import { describe, expect, it } from 'vitest';
import { unpickle, type PickleHost } from '../src/pickle.ts';
import { TensorRebuilder } from '../src/rebuild.ts';
import { PthTensor } from '../src/values.ts';
import { refusalOf } from './golden.ts';

/** A pickle of protocol 2 from its opcodes, as text of one character a byte. */
const program = (opcodes: string): Uint8Array =>
  Uint8Array.from(`\x80\x02${opcodes}`, (c) => c.charCodeAt(0));
const run = (opcodes: string, host: PickleHost = new TensorRebuilder(1000)) =>
  unpickle(program(opcodes), host).value;
const codeOf = (opcodes: string) => refusalOf(() => run(opcodes))?.code;

/** Opcodes that push a storage of `length` floats, and a call that rebuilds a tensor of what `args` push. */
const storage = (length: string) => `(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpu${length}tQ`;
const tensor = (args: string) =>
  `ctorch._utils\n_rebuild_tensor_v2\n(${storage('K\x04')}${args}\x89N tR`.replace(' ', '');

describe('unpickle', () => {
  it('reads the strings and OrderedDicts of Python 2', () => {
    expect(run('U\x02ab.')).toBe('ab');
    expect(run('T\x03\0\0\0abc.')).toBe('abc');
    expect(run('ccollections\nOrderedDict\n](](U\x01aK\x01e](U\x01bK\x02ee\x85R.')).toEqual(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    );
    expect(run('c__builtin__\nset\n](K\x05e\x85R.')).toEqual(new Set([5]));
  });

  it('keeps integers exact, as numbers up to 2^53 and bigints beyond', () => {
    expect(run('\x8a\0.')).toBe(0);
    expect(run('\x8a\x01\xff.')).toBe(-1);
    expect(run('J\xff\xff\xff\xff.')).toBe(-1);
    expect(run('\x8a\x07\xff\xff\xff\xff\xff\xff\x1f.')).toBe(Number.MAX_SAFE_INTEGER);
    expect(run('\x8a\x07\0\0\0\0\0\0\x20.')).toBe(2n ** 53n);
    expect(run(`\x8b\x09\0\0\0${'\0'.repeat(8)}\x01.`)).toBe(2n ** 64n);
  });

  it('keeps a list that holds itself a cycle', () => {
    const cycle = run(']q\0h\0a.') as unknown[];
    expect(cycle[0]).toBe(cycle);
  });

  it.each([
    ['os\nsystem', 'os.system'],
    ['__builtin__\neval', 'builtins.eval'],
    ['torch\nload', 'torch.load'],
    ['collections\nOrderedDict.__class__', 'collections.OrderedDict.__class__'],
    ['torch._utils\n_rebuild_tensor_v2\0', 'torch._utils._rebuild_tensor_v2'],
  ])('refuses the name %j before anything is done with it', (name, named) => {
    const refusal = refusalOf(() => run(`c${name}\n.`));
    expect(refusal?.code).toBe('FORBIDDEN_GLOBAL');
    expect(refusal?.message).toContain(named);
  });

  it('refuses names built at run time just the same', () => {
    expect(codeOf('U\x02osU\x06system\x93.')).toBe('FORBIDDEN_GLOBAL');
  });

  it.each([
    ['an empty stack', '.'],
    ['a mark that is missing', 't.'],
    ['a memo that is missing', 'h\x07.'],
    ['items of a list', '](K\x01K\x02u.'],
    ['a key without a value', '}(K\x01u.'],
    ['appending to a dict', '}K\x01a.'],
    ['a call of a number', 'K\x01)R.'],
    ['a call of a dtype', 'ctorch\nfloat32\n)R.'],
    ['a call without arguments', 'ctorch\nSize\nK\x01R.'],
    ['text that is not UTF-8', 'X\x01\0\0\0\xff.'],
    ['a tensor of no storage', `ctorch._utils\n_rebuild_tensor_v2\n(NK\0))\x89NtR.`],
    ['a tensor without arguments', `ctorch._utils\n_rebuild_tensor_v2\n)R.`],
    ['a subclass rebuilt by itself', `ctorch._tensor\n_rebuild_from_type_v2\n(h\0)))tR.`],
    ['a storage of two lengths', `${storage('K\x04')}${storage('K\x05')}.`],
    ['a storage of negative length', `${storage('J\xff\xff\xff\xff')}.`],
  ])('calls %s corrupt', (_, opcodes) => {
    expect(codeOf(opcodes)).toBe('CORRUPT');
  });

  it('says where an unknown opcode stands', () => {
    const refusal = refusalOf(() => run('N!'));
    expect([refusal?.code, refusal?.message]).toEqual([
      'UNSUPPORTED',
      expect.stringContaining('0x21 at byte 4'),
    ]);
  });

  it.each([
    ['beyond its end', 'K\x01K\x04\x85K\x01\x85'],
    ['beyond its end by strides', 'K\0K\x03\x85K\x02\x85'],
    ['with a stride too few', 'K\0K\x02K\x02\x86K\x01\x85'],
    ['in 65 dimensions', `K\0(${'K\x01'.repeat(65)}t(${'K\x01'.repeat(65)}t`],
    ['of a size beyond 2^53', `K\0(${'J\xff\xff\xff\x7f'.repeat(3)}t(K\0K\0K\0t`],
  ])('refuses a tensor %s of its storage', (_, args) => {
    expect(codeOf(`${tensor(args)}.`)).toBe('INVALID_TENSOR');
  });

  it('accepts the tensor that just fits', () => {
    const rebuilder = new TensorRebuilder(1000);
    const fits = run(`${tensor('K\x01K\x02\x85K\x02\x85')}.`, rebuilder) as PthTensor;
    rebuilder.attach(new Map([['0', new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer)]]));
    expect([...new Float32Array(fits.data.buffer)]).toEqual([2, 4]);
  });

  it('refuses to copy one long list again and again', () => {
    const list = `(${'K\x01'.repeat(100_000)}tq\0`;
    const sizes = `ctorch\nSize\nq\x01${'h\x01h\0\x85R'.repeat(1000)}.`;
    expect(codeOf(list + sizes)).toBe('TOO_LARGE');
  });
});
