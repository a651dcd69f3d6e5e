import { describe, expect, it } from 'vitest';
import { parsePth, PthGlobal, PthTensor, type PthErrorCode, type PthValue } from '../src/index.ts';
import { expectedTensors, golden, refusalOf, summarize, tensorsOf } from './golden.ts';

describe('parsePth', () => {
  it.each([
    ['state-dict', 'an OrderedDict with batch norm and attributes'],
    ['checkpoint', 'a network, its optimizer and plain data, nested'],
    ['legacy', 'the same in the format before PyTorch 1.6'],
    ['protocol-5', 'the same in pickle protocol 5'],
    ['views', 'transposed, sliced, broadcast, overlapping, empty and tied tensors'],
    ['views-legacy', 'the same in the format before PyTorch 1.6'],
    ['parameters', 'Parameters, also frozen and with attributes'],
    ['every-dtype', 'every dtype'],
  ])('finds in %s.pth the tensors that PyTorch put there: %s', (name) => {
    const expected = expectedTensors(name);
    expect(expected.length).toBeGreaterThan(2);
    expect(summarize(tensorsOf(parsePth(golden(`${name}.pth`))))).toEqual(expected);
  });

  it.each(['checkpoint', 'legacy', 'protocol-5'])('reads the plain data of %s.pth', (name) => {
    const checkpoint = parsePth(golden(`${name}.pth`)) as Map<string, PthValue>;
    expect([...checkpoint.keys()]).toEqual(['epoch', 'netE', 'optE', 'plain', 'a.b', 'nothing']);
    expect(checkpoint.get('epoch')).toBe(12);
    expect(checkpoint.get('plain')).toEqual(
      new Map<PthValue, PthValue>([
        ['none', null],
        ['true', true],
        ['false', false],
        ['int', 7],
        ['negative', -70000],
        ['large', 2 ** 40],
        ['huge', -(2n ** 70n)],
        ['float', 0.1],
        ['text', 'é\u{1f600}'],
        ['bytes', Uint8Array.of(0, 255)],
        ['no bytes', new Uint8Array()],
        ['bytearray', Uint8Array.of(97, 98)],
        ['tuple', [1, [2.5], []]],
        ['list', [1, [2], new Map([['a', [3]]])]],
        ['set', new Set([5])],
        ['size', [2, 3]],
        ['device', 'cuda:1'],
        ['dtype', new PthGlobal('torch.bfloat16')],
        [
          'ordered',
          new Map([
            ['b', 1],
            ['a', 2],
          ]),
        ],
        [3, 'three'],
      ]),
    );
  });

  it('gives contiguous tensors as views into the file, and tied ones as the same bytes', () => {
    const file = golden('views.pth');
    const views = parsePth(file) as Map<string, PthTensor>;
    for (const name of ['base', 'row', 'scalar', 'tied a'])
      expect(views.get(name)!.data.buffer).toBe(file.buffer);
    expect(views.get('tied a')!.data.byteOffset).toBe(views.get('tied b')!.data.byteOffset);
    expect(views.get('transposed')!.data.buffer).not.toBe(file.buffer);
  });

  it('reads a file that lies anywhere in a larger buffer', () => {
    for (const name of ['state-dict', 'legacy']) {
      const file = golden(`${name}.pth`);
      const larger = new Uint8Array(file.length + 8);
      larger.set(file, 3);
      const read = parsePth(larger.subarray(3, 3 + file.length));
      expect(summarize(tensorsOf(read))).toEqual(expectedTensors(name));
    }
  });

  it('gives a storage that is saved by itself as a tensor of one dimension', () => {
    const [storage, ones] = parsePth(golden('storage.pth')) as [PthTensor, PthTensor];
    expect([storage.dtype, storage.shape, storage.data.length]).toEqual(['U8', [96], 96]);
    expect(new Float32Array(storage.data.slice().buffer)).toEqual(
      Float32Array.from({ length: 24 }, (_, i) => i),
    );
    expect(ones.shape).toEqual([2]);
  });

  it.each<[string, PthErrorCode, string]>([
    ['refused-namespace', 'FORBIDDEN_GLOBAL', 'argparse.Namespace'],
    ['refused-call', 'FORBIDDEN_GLOBAL', 'builtins.print'],
    ['refused-call-legacy', 'FORBIDDEN_GLOBAL', 'builtins.print'],
    ['refused-sparse', 'FORBIDDEN_GLOBAL', 'torch._utils._rebuild_sparse_tensor'],
    ['refused-complex128', 'FORBIDDEN_GLOBAL', 'torch.ComplexDoubleStorage'],
    ['refused-conjugate', 'UNSUPPORTED', 'resolve_conj'],
    ['refused-compressed', 'UNSUPPORTED', 'compressed'],
    ['refused-torchscript', 'UNSUPPORTED', 'TorchScript'],
    ['refused-expanded', 'TOO_LARGE', 'broadcast'],
    ['no-checksums', 'CRC_MISMATCH', 'verifyChecksums'],
  ])('refuses %s.pth with %s and names %s', (name, code, named) => {
    const refusal = refusalOf(() => parsePth(golden(`${name}.pth`)));
    expect(refusal?.code).toBe(code);
    expect(refusal?.message).toContain(named);
  });

  it('reads a file without checksums when told not to look at them', () => {
    const value = parsePth(golden('no-checksums.pth'), { verifyChecksums: false });
    expect(tensorsOf(value).map(([path, { shape }]) => [path, shape])).toEqual([['weight', [3]]]);
  });

  it('refuses bytes that are no file of torch.save', () => {
    const code = (bytes: Uint8Array) => refusalOf(() => parsePth(bytes))?.code;
    expect(code(new Uint8Array())).toBe('NOT_A_PTH');
    expect(code(golden('state-dict.safetensors'))).toBe('NOT_A_PTH');
    expect(code(golden('state-dict.pth').subarray(1))).toBe('NOT_A_PTH');
  });
});

describe('parsePth of damaged files', () => {
  it('says of every truncation of an archive that it is truncated, or no file at all', () => {
    const file = golden('state-dict.pth');
    for (let length = 0; length < file.length; length++) {
      const code = refusalOf(() => parsePth(file.subarray(0, length)))?.code;
      expect(code).toBe(length < 4 ? 'NOT_A_PTH' : 'TRUNCATED');
    }
  });

  it('refuses every truncation of an older file', () => {
    const file = golden('legacy.pth');
    for (let length = 0; length < file.length; length++) {
      expect(['NOT_A_PTH', 'TRUNCATED']).toContain(refusalOf(() => parsePth(file.subarray(0, length)))?.code);
    }
  });

  it('notices every flipped bit in the bytes of a tensor', () => {
    const file = golden('state-dict.pth');
    const { data } = tensorsOf(parsePth(file))[0]![1];
    for (let i = 0; i < data.length; i++) {
      data[i]! ^= 1 << (i % 8);
      expect(refusalOf(() => parsePth(file))?.code).toBe('CRC_MISMATCH');
      data[i]! ^= 1 << (i % 8);
    }
    expect(refusalOf(() => parsePth(file))).toBeUndefined();
  });

  it.each(['state-dict', 'views', 'checkpoint', 'legacy', 'views-legacy', 'protocol-5'])(
    'throws nothing but PthError on byte flips of %s.pth, checksums aside',
    (name) => {
      let state = 20190415;
      const random = (): number => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        return state >>> 0;
      };
      const original = golden(`${name}.pth`);
      const rounds = 3_000;
      let refused = 0;
      for (let round = 0; round < rounds; round++) {
        const file = original.slice();
        for (let flips = 1 + (random() % 4); flips > 0; flips--)
          file[random() % file.length]! ^= 1 << (random() % 8);
        if (refusalOf(() => parsePth(file, { verifyChecksums: false }))) refused++;
      }
      expect(refused).toBeGreaterThan(rounds / 20);
      expect(refused).toBeLessThan(rounds);
    },
  );
});
