import { describe, expect, it } from 'vitest';
import { crc32 } from '../src/crc32.ts';
import { readZip, writeZip } from '../src/zip.ts';
import { golden, refusalOf } from './golden.ts';

const content = new TextEncoder().encode('123456789');
const archive = (): Uint8Array =>
  writeZip([
    ['a', content],
    ['b/c', new Uint8Array()],
  ]);

describe('crc32', () => {
  it('is 0xCBF43926 for the digits 1 to 9, the check value of CRC-32/ISO-HDLC', () => {
    expect(crc32(content)).toBe(0xcbf43926);
  });

  it('is what PyTorch wrote for each entry', () => {
    const entries = [...readZip(golden('state-dict.pth')).values()];
    expect(entries.length).toBeGreaterThan(10);
    for (const entry of entries)
      expect([entry.name, crc32(entry.content)]).toEqual([entry.name, entry.crc32]);
  });
});

describe('readZip', () => {
  it('reads what writeZip writes', () => {
    const entries = readZip(archive());
    expect([...entries].map(([name, entry]) => [name, [...entry.content]])).toEqual([
      ['a', [...content]],
      ['b/c', []],
    ]);
  });

  it('finds the end behind a comment', () => {
    const comment = new TextEncoder().encode('made with care');
    const commented = Uint8Array.of(...archive(), ...comment);
    new DataView(commented.buffer).setUint16(commented.length - comment.length - 2, comment.length, true);
    expect([...readZip(commented).keys()]).toEqual(['a', 'b/c']);
  });

  it('reads sizes and places from the 64-bit extensions where the 32-bit fields refer to them', () => {
    const plain = archive();
    const end = plain.length - 22;
    const directory = new DataView(plain.buffer).getUint32(end + 16, true);
    const entry = directory; // The first entry, `a`: 46 bytes, a name of 1.
    const extended = new Uint8Array(plain.length + 28 + 56 + 20);
    const view = new DataView(extended.buffer);
    extended.set(plain.subarray(0, entry + 47));
    view.setUint16(entry + 30, 28, true);
    for (const field of [20, 24, 42]) view.setUint32(entry + field, 0xffffffff, true);
    const extra = entry + 47;
    view.setUint16(extra, 1, true);
    view.setUint16(extra + 2, 24, true);
    view.setBigUint64(extra + 4, BigInt(content.length), true);
    view.setBigUint64(extra + 12, BigInt(content.length), true);
    view.setBigUint64(extra + 20, 0n, true);
    extended.set(plain.subarray(entry + 47, end), extra + 28);
    const end64 = end + 28;
    view.setUint32(end64, 0x06064b50, true);
    view.setBigUint64(end64 + 32, 2n, true);
    view.setBigUint64(end64 + 48, BigInt(directory), true);
    view.setUint32(end64 + 56, 0x07064b50, true);
    view.setBigUint64(end64 + 64, BigInt(end64), true);
    extended.set(plain.subarray(end), end64 + 76);
    view.setUint16(end64 + 76 + 10, 0xffff, true);
    view.setUint32(end64 + 76 + 16, 0xffffffff, true);
    expect([...readZip(extended)].map(([name, { content: bytes }]) => [name, bytes.length])).toEqual([
      ['a', 9],
      ['b/c', 0],
    ]);
  });

  it('refuses entries of one name, overlapping ones, and ones that are not where the directory says', () => {
    const view = (bytes: Uint8Array) => new DataView(bytes.buffer);
    const directoryOf = (bytes: Uint8Array) => view(bytes).getUint32(bytes.length - 6, true);
    expect(
      refusalOf(() =>
        readZip(
          writeZip([
            ['a', content],
            ['a', content],
          ]),
        ),
      )?.message,
    ).toContain('two entries');

    const moved = archive();
    view(moved).setUint32(directoryOf(moved) + 42, 1, true);
    expect(refusalOf(() => readZip(moved))?.message).toContain('not where its directory says');

    const many = writeZip(Array.from({ length: 9 }, (_, i) => [`${i}`, content]));
    for (let i = 0; i < 9; i++) {
      const sizes = directoryOf(many) + 47 * i + 20;
      view(many).setUint32(sizes, 200, true);
      view(many).setUint32(sizes + 4, 200, true);
    }
    expect(refusalOf(() => readZip(many))?.message).toContain('overlap');
  });
});
