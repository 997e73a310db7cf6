import fc from "fast-check";
import { expect, test } from "vitest";
import {
  base64Of,
  base64urlOf,
  bytesOfBase64,
  bytesOfBase64url,
  bytesOfHex,
  compareBytes,
  concatBytes,
  hexOf,
  textOfUtf8,
  utf8,
  utf8Length,
} from "./bytes.ts";

const bytes = fc.uint8Array({ maxLength: 80 });

test("every encoding agrees with Node's and reads back what it printed", () => {
  fc.assert(
    fc.property(bytes, (b) => {
      const buffer = Buffer.from(b);
      expect(hexOf(b)).toBe(buffer.toString("hex"));
      expect(base64Of(b)).toBe(buffer.toString("base64"));
      expect(base64urlOf(b)).toBe(buffer.toString("base64url"));
      expect(bytesOfHex(hexOf(b))).toEqual(b);
      expect(bytesOfBase64(base64Of(b))).toEqual(b);
      expect(bytesOfBase64url(base64urlOf(b))).toEqual(b);
    }),
  );
});

test.each(["A", "AAAAA", "AB", "AAB", "AA=", "A-A+", "A A", "AAé", "AA=="])(
  "base64url %j is refused",
  (text) => expect(() => bytesOfBase64url(text)).toThrow(RangeError),
);

test.each(["AA", "AA=", "A===", "=", "AB==", "AA-_", "AA==AA=="])("base64 %j is refused", (text) =>
  expect(() => bytesOfBase64(text)).toThrow(RangeError),
);

test.each(["0", "0g", "0A", "00 "])("hex %j is refused", (text) =>
  expect(() => bytesOfHex(text)).toThrow(RangeError),
);

test("text is counted as it is encoded, lone surrogates included", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(utf8Length(text)).toBe(utf8(text).length);
      expect(textOfUtf8(utf8(text))).toBe(text);
    }),
  );
  for (const text of ["\ud800", "\udc00", "\ud800\ud800\udc00", "a\ud800b", "\ufeffx"]) {
    expect(utf8Length(text)).toBe(utf8(text).length);
  }
  expect(textOfUtf8(utf8("\ufeffx"))).toBe("\ufeffx");
  expect(() => textOfUtf8(Uint8Array.of(0xff))).toThrow(TypeError);
});

test("bytes are joined, and sorted as Node sorts them", () => {
  expect(concatBytes(Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3))).toEqual(
    Uint8Array.of(1, 2, 3),
  );
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
    }),
  );
});
