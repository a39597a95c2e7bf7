import { Unpackr, pack } from 'msgpackr';
import { fc } from '../../test-support/properties.ts';
import { describe, expect, test } from 'vitest';
import { Malformed, Reader, Unsendable, Writer } from './bytes.ts';
import { type Budget, FrameReader, FrameWriter } from './frames.ts';
import { readMessage, writeMessage } from './messages.ts';
import { readRequest, readResponse, writeRequest, writeResponse } from './requests.ts';
import { message, request, response, value } from './testing.ts';
import { limits, readKey, readValue, writeKey, writeValue } from './values.ts';

/** An implementation of MessagePack that is not ours. */
const other = new Unpackr({ useRecords: false, int64AsType: 'number' });

function written(write: (out: Writer) => void): Buffer {
  const out = new Writer(8);
  write(out);
  return Buffer.from(out.bytes.subarray(0, out.at));
}

function read<T>(bytes: Uint8Array, how: (from: Reader) => T): T {
  const from = new Reader();
  from.reset(Buffer.from(bytes), 0, bytes.length);
  const result = how(from);
  expect(from.left).toBe(0);
  return result;
}

describe('MessagePack', () => {
  test('another implementation reads what ours writes', () => {
    fc.assert(
      fc.property(value, (one) => {
        expect(other.unpack(written((out) => writeValue(out, one)))).toEqual(one);
      }),
    );
  });

  test('ours reads what another implementation writes', () => {
    fc.assert(
      fc.property(value, (one) => {
        // It writes -0 as the integer 0.
        const packed = pack(one);
        expect(read(packed, readValue)).toEqual(other.unpack(packed));
      }),
    );
  });

  test.each([
    0,
    -0,
    1,
    -1,
    -32,
    -33,
    127,
    128,
    255,
    256,
    65_535,
    65_536,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 53 - 1,
    -(2 ** 53) + 1,
    0.1,
  ])('the number %d comes back', (number) => {
    expect(
      read(
        written((out) => out.number(number)),
        (from) => from.number(),
      ),
    ).toBe(number);
  });

  test.each([0, 15, 16, 31, 32, 255, 256, 65_535])(
    'texts of %d characters come back, whatever a character takes',
    (length) => {
      for (const letter of ['a', 'ä', '語', '\u{1F30A}']) {
        const text = letter.repeat(Math.floor(length / letter.length));
        expect(
          read(
            written((out) => out.string(text)),
            (from) => from.string(1e6),
          ),
        ).toBe(text);
      }
    },
  );

  test.each<[string, unknown]>([
    ['half a surrogate pair', '\ud800 and so on, long enough for no loop'],
    ['half a short pair', '\ud800'],
    ['a number that is not finite', Number.NaN],
    ['undefined', undefined],
    ['a bigint', 1n],
    ['nesting beyond the limit', nested(limits.depth + 1)],
    ['a value that is too long', 'x'.repeat(limits.valueBytes)],
    ['a field that would change the prototype', JSON.parse('{"__proto__":1}')],
  ])('%s is not sent', (_, bad) => {
    expect(() => written((out) => writeValue(out, bad as never))).toThrow(Unsendable);
  });

  test('a key that is too long is not sent', () => {
    expect(() => written((out) => writeKey(out, 'x'.repeat(limits.keyBytes + 1)))).toThrow(Unsendable);
  });

  test.each<[string, number[] | Buffer]>([
    ['nothing', []],
    ['an array of four billion items', [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ['a map of a million pairs', [0xdf, 0x00, 0x10, 0x00, 0x00, 0xc0]],
    ['a string that ends too early', [0xdb, 0x00, 0x00, 0xff, 0xff, 0x61]],
    ['no UTF-8', [0xa2, 0xc3, 0x28]],
    ['an extension type', [0xd4, 0x01, 0x00]],
    ['bytes for a value', [0xc4, 0x01, 0x00]],
    ['the byte that is never used', [0xc1]],
    ['a number that is not finite', [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]],
    ['an integer beyond 2^53', [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
    ['nesting beyond the limit', Buffer.concat([Buffer.alloc(100_000, 0x91), Buffer.from([0xc0])])],
    [
      'a field that would change the prototype',
      Buffer.concat([Buffer.from([0x81]), pack('__proto__'), Buffer.from([0x80])]),
    ],
    ['a value that is too long', pack('x'.repeat(limits.valueBytes))],
  ])('%s is malformed', (_, bytes) => {
    expect(() => read(Buffer.from(bytes), readValue)).toThrow(Malformed);
  });

  test('a key is a text or a number', () => {
    expect(read(pack('ключ'), readKey)).toBe('ключ');
    expect(read(pack(-7), readKey)).toBe(-7);
    for (const bad of [null, true, [], {}]) expect(() => read(pack(bad), readKey)).toThrow(Malformed);
  });
});

function nested(depth: number): unknown {
  let one: unknown = null;
  for (let i = 0; i < depth; i++) one = [one];
  return one;
}

describe('what travels comes back as it was', () => {
  test('requests', () => {
    fc.assert(
      fc.property(request, fc.nat(), (one, number) => {
        const bytes = written((out) => writeRequest(out, number, one));
        const back = read(bytes, (from) => [from.whole(), readRequest(from)]);
        expect(back).toEqual([number, one]);
      }),
    );
  });

  test('answers', () => {
    fc.assert(
      fc.property(response, fc.nat(), (one, number) => {
        const bytes = written((out) => writeResponse(out, number, one));
        expect(read(bytes, (from) => [from.whole(), readResponse(from)])).toEqual([number, one]);
      }),
    );
  });

  test('messages, the same entries to several nodes among them', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 4 }), (all) => {
        const twice = all.flatMap((one) => [one, { ...one }]);
        const bytes = written((out) => {
          for (const one of twice) writeMessage(out, one);
        });
        expect(read(bytes, (from) => twice.map(() => readMessage(from)))).toEqual(twice);
      }),
    );
  });

  test('however its bytes are changed, it is read as something of the same kind, or is malformed', () => {
    const kinds = [
      fc.tuple(
        request.map((one) => written((out) => writeRequest(out, 1, one))),
        fc.constant(readAsk),
      ),
      fc.tuple(
        response.map((one) => written((out) => writeResponse(out, 1, one))),
        fc.constant(readAnswer),
      ),
      fc.tuple(
        message.map((one) => written((out) => writeMessage(out, one))),
        fc.constant(readMessage),
      ),
    ];
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.oneof(...kinds), changes, fc.nat(), ([bytes, how], changed, cut) => {
        for (const [place, byte] of changed) bytes[place % bytes.length] = byte;
        const from = new Reader();
        from.reset(bytes, 0, cut % 3 === 0 ? cut % bytes.length : bytes.length);
        try {
          how(from);
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

function readAsk(from: Reader): unknown {
  return [from.whole(), readRequest(from)];
}

function readAnswer(from: Reader): unknown {
  return [from.whole(), readResponse(from)];
}

describe('frames', () => {
  function frameOf(text: string): Buffer {
    const out = new FrameWriter(16);
    out.string(text);
    return out.take();
  }

  function cutting(
    payloadBytesMax = 1000,
    most = 10_000,
  ): { reader: FrameReader; budget: Budget; taken: string[]; push(bytes: Buffer): void } {
    const budget = { held: 0, most };
    const reader = new FrameReader(payloadBytesMax, budget);
    const taken: string[] = [];
    const push = (bytes: Buffer): void =>
      reader.push(bytes, (all, start, end) => {
        taken.push(read(all.subarray(start, end), (from) => from.string(1e6)));
      });
    return { reader, budget, taken, push };
  }

  test('come out whole and in order, however the stream is cut, and hold nothing afterwards', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ maxLength: 300 }), { maxLength: 10 }),
        fc.array(fc.nat(400), { maxLength: 20 }),
        (texts, cuts) => {
          const { budget, taken, push } = cutting();
          let stream = Buffer.concat(texts.map(frameOf));
          for (const cut of cuts) {
            push(stream.subarray(0, cut));
            stream = stream.subarray(cut);
          }
          push(stream);
          expect(taken).toEqual(texts);
          expect(budget.held).toBe(0);
        },
      ),
    );
  });

  test('byte by byte', () => {
    const { taken, push } = cutting();
    for (const byte of Buffer.concat([frameOf('one'), frameOf('two')])) push(Buffer.from([byte]));
    expect(taken).toEqual(['one', 'two']);
  });

  test('that announce too much are refused before anything of them is kept', () => {
    const { budget, push } = cutting();
    expect(() => push(Buffer.from([0x7f, 0, 0, 0, 0, 0, 0, 0]))).toThrow('a frame of more than 1000 bytes');
    expect(budget.held).toBe(0);
  });

  test('whose header comes in two parts are held to the same limit', () => {
    const { push } = cutting();
    push(Buffer.from([0x7f, 0, 0]));
    expect(() => push(Buffer.from([0, 0, 0, 0, 0]))).toThrow(Malformed);
  });

  test('with one bit changed are refused', () => {
    fc.assert(
      fc.property(fc.nat(), (at) => {
        const frame = frameOf('some text that is long enough');
        const bit = at % (frame.length * 8);
        frame[bit >> 3] ^= 1 << (bit & 7);
        const { taken, push } = cutting();
        try {
          push(frame);
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed);
        }
        expect(taken).toEqual([]);
      }),
    );
  });

  test('that do not end are bounded over all connections', () => {
    const budget: Budget = { held: 0, most: 1000 };
    const readers = [1, 2, 3].map(() => new FrameReader(10_000, budget));
    const begun = Buffer.concat([Buffer.from([0, 0, 0x20, 0, 0, 0, 0, 0]), Buffer.alloc(400)]);
    readers[0].push(begun, () => undefined);
    readers[1].push(begun, () => undefined);
    expect(() => readers[2].push(begun, () => undefined)).toThrow('too much unfinished');
    for (const reader of readers) reader.close();
    expect(budget.held).toBe(0);
  });
});
