import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { downloadInceptionWeights, PYTORCH_FID_WEIGHTS, type PublishedWeights } from '../../src/index.ts';
import { temporaryFolder } from './temporary.ts';

const content = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) % 251));
const sha256 = createHash('sha256').update(content).digest('hex');
const root = temporaryFolder();
let folders = 0;
const newFolder = (): string => join(root, `cache-${folders++}`);

const stops: (() => void)[] = [];
afterEach(() => stops.splice(0).forEach((stop) => stop()));

/** A server on the loopback interface; the `range` headers it was asked with. */
async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    ranges.push(request.headers.range);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/weights.pth`;
  const weights: PublishedWeights = { url, file: 'weights.pth', bytes: content.length, sha256 };
  return { ranges, weights };
}

function sendFrom(start: number, response: ServerResponse, end = content.length): void {
  response.writeHead(start > 0 ? 206 : 200, {
    'content-length': content.length - start,
    ...(start > 0 && { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }),
  });
  // What is sent is flushed before the connection breaks.
  response.write(content.subarray(start, end), () =>
    end < content.length ? response.destroy() : response.end(),
  );
}

const startOf = (request: IncomingMessage): number => Number(/\d+/.exec(request.headers.range ?? '0')![0]);

test('a file is downloaded once, with progress, and found from then on', async () => {
  const { weights, ranges } = await serve((_, response) => sendFrom(0, response));
  const folder = newFolder();
  const received: number[] = [];
  const onProgress = (progress: { received: number; total: number }): void => {
    expect(progress.total).toBe(content.length);
    received.push(progress.received);
  };
  const path = await downloadInceptionWeights({ folder, weights, onProgress });
  expect(path).toBe(join(folder, 'weights.pth'));
  expect(readFileSync(path).equals(content)).toBe(true);
  expect(received.at(-1)).toBe(content.length);
  expect(received).toEqual([...received].sort((a, b) => a - b));
  expect(existsSync(`${path}.part`)).toBe(false);

  expect(await downloadInceptionWeights({ folder, weights })).toBe(path);
  expect(ranges.length).toBe(1);
});

test('a download that breaks off says where to put the file, and goes on from there the next time', async () => {
  let breaksAt = 100_000;
  const { weights, ranges } = await serve((request, response) =>
    sendFrom(startOf(request), response, breaksAt),
  );
  const folder = newFolder();
  const error: unknown = await downloadInceptionWeights({ folder, weights }).catch((e: unknown) => e);
  expect(error).toMatchObject({ code: 'DOWNLOAD' });
  expect(String(error)).toContain(`at ${join(folder, 'weights.pth')}`);
  expect(String(error)).toContain(sha256);
  expect(String(error)).toContain('run again to go on');

  breaksAt = content.length;
  const path = await downloadInceptionWeights({ folder, weights });
  expect(readFileSync(path).equals(content)).toBe(true);
  expect(ranges).toEqual([undefined, 'bytes=100000-']);
});

test('a server that knows no ranges is read from the start again', async () => {
  const { weights } = await serve((_, response) => sendFrom(0, response));
  const folder = newFolder();
  mkdirSync(folder);
  writeFileSync(join(folder, 'weights.pth.part'), content.subarray(0, 1000));
  const path = await downloadInceptionWeights({ folder, weights });
  expect(readFileSync(path).equals(content)).toBe(true);
});

test('bytes with another SHA-256 are refused and removed', async () => {
  const { weights } = await serve((_, response) => response.end(Buffer.alloc(content.length)));
  const folder = newFolder();
  const download = downloadInceptionWeights({ folder, weights });
  await expect(download).rejects.toMatchObject({ code: 'WEIGHTS_HASH', expected: sha256 });
  expect(existsSync(join(folder, 'weights.pth.part'))).toBe(false);
  expect(existsSync(join(folder, 'weights.pth'))).toBe(false);
});

test('a file in the folder that has another SHA-256 is refused, not replaced', async () => {
  const { weights, ranges } = await serve((_, response) => sendFrom(0, response));
  const folder = newFolder();
  mkdirSync(folder);
  writeFileSync(join(folder, 'weights.pth'), 'mine');
  await expect(downloadInceptionWeights({ folder, weights })).rejects.toMatchObject({ code: 'WEIGHTS_HASH' });
  expect(ranges).toEqual([]);
});

test('more bytes than were announced, and an answer that is no file', async () => {
  const more = await serve((_, response) => response.end(Buffer.concat([content, content])));
  const tooMany = downloadInceptionWeights({ folder: newFolder(), weights: more.weights });
  await expect(tooMany).rejects.toThrow(/sends more than the 300000 bytes/);
  const none = await serve((_, response) => response.writeHead(404).end('no'));
  const missing = downloadInceptionWeights({ folder: newFolder(), weights: none.weights });
  await expect(missing).rejects.toThrow(/the server answers 404 Not Found/);
});

test('without network the message says what to put where', async () => {
  const folder = newFolder();
  const { weights } = await serve(() => undefined);
  stops.splice(0).forEach((stop) => stop());
  const download = downloadInceptionWeights({ folder, weights });
  await expect(download).rejects.toMatchObject({
    code: 'DOWNLOAD',
    message: expect.stringMatching(/ECONNREFUSED.*Without network, put the file .* at .*weights\.pth$/),
  });
});

test('a signal stops a download with its reason, and what arrived is kept', async () => {
  const controller = new AbortController();
  const { weights } = await serve((_, response) => {
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 5000));
  });
  const folder = newFolder();
  const onProgress = (): void => controller.abort(new Error('stop'));
  const download = downloadInceptionWeights({ folder, weights, onProgress, signal: controller.signal });
  await expect(download).rejects.toThrow('stop');
  expect(readFileSync(join(folder, 'weights.pth.part')).length).toBe(5000);
});

test('a folder that cannot be made is a storage error', async () => {
  const file = join(root, 'file');
  writeFileSync(file, '');
  const download = downloadInceptionWeights({ folder: join(file, 'cache') });
  await expect(download).rejects.toMatchObject({ code: 'STORAGE' });
});

test("the published file's name ends in the first digits of its SHA-256, as PyTorch's hub wants it", () => {
  const digits = /-([0-9a-f]{8})\.pth$/;
  expect(digits.exec(PYTORCH_FID_WEIGHTS.file)![1]).toBe(PYTORCH_FID_WEIGHTS.sha256.slice(0, 8));
  expect(PYTORCH_FID_WEIGHTS.url.endsWith(PYTORCH_FID_WEIGHTS.file)).toBe(true);
});
