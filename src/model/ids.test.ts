import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { base64urlOf, bytesOfHex, hexOf, utf8 } from "../std/bytes.ts";
import { isHoldfastError } from "./errors.ts";
import {
  derivedUuid,
  explicitId,
  formatAwakeableId,
  formatInvocationId,
  mintedUuid,
  parseAwakeableId,
  parseInvocationId,
  positionOf,
  tagOf,
  whereOf,
  withTag,
} from "./ids.ts";

test.each([
  ["f90b0d28ad3dc5fa834d97cf7fafd7888349a6041c081d26", "inv_1lwQpucfKBTj19UYvvDAmQo9LBVAeKJOz9"],
  ["758d82ac80d0460a01a203de24c7f86a84181ed48d074c28", "inv_10SHxgluLUdD1e2rcdmo3zo70e7gv6hUf7"],
  ["5164c775648d211bfc1b0e11991cc94920918243914fad60", "inv_12kpUQONmeFb2WqsVOkAjH4phS34cOyIC8"],
  ["bf250e5f5ad3b47fe18d0dd9716ca8063ee3166849b5a425", "inv_1aXMegonfBxR191ZfClv3MBohzcUNTVHjj"],
  ["2fef5ef83540303b975417b6ed525fd29a62814c1e9f6f00", "inv_1553EmTLdKub00P0H1LR9BIfnwT28FMMAf"],
  ["6c783849c6f70138b051c600052c550e5cc274c36916c268", "inv_14O7Uvw2xC443bFTOCt8TCsyYwUe3n2O1G"],
  ["0".repeat(48), `inv_1${"0".repeat(33)}`],
])("%s is spelled %s, as Restate spells it", (raw, text) => {
  expect(formatInvocationId(raw.slice(0, 16), bytesOfHex(raw.slice(16)))).toBe(text);
  const { partitionKey, uuid } = parseInvocationId(text);
  expect(partitionKey + hexOf(uuid)).toBe(raw);
});

test("every id is read back as it was", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 24, maxLength: 24 }), (raw) => {
      const text = formatInvocationId(hexOf(raw.slice(0, 8)), raw.slice(8));
      expect(text).toMatch(/^inv_1[0-9a-zA-Z]{33}$/);
      const { partitionKey, uuid } = parseInvocationId(text);
      expect(partitionKey + hexOf(uuid)).toBe(hexOf(raw));
    }),
  );
});

test.each([
  ["bad", "bad format"],
  ["inv_bad", "unrecognized codec version"],
  ["inv_1abc", "bad length"],
  ["sign_1aaaa", "id doesn't match the expected type"],
  ["foo_1aaaa", "unrecognized resource type: foo"],
  [`inv_1${"-".repeat(33)}`, "base62 decode error"],
  [`inv_1${"Z".repeat(33)}`, "base62 decode error"],
])("%s is no invocation id: %s", (text, why) => {
  try {
    parseInvocationId(text);
    expect.unreachable();
  } catch (error) {
    expect(isHoldfastError(error, "INVOCATION_ID_INVALID")).toBe(true);
    expect(error).toHaveProperty("message", `bad invocation id '${text}': ${why}`);
  }
});

test("an error shows only the beginning of a long text", () => {
  expect(() => parseInvocationId("x".repeat(10_000))).toThrow(/^.{100,200}: bad format$/);
});

test("a minted uuid holds its position and is bound to its incarnation", () => {
  for (const position of [0, 1, 2 ** 32, 2 ** 48 - 1]) {
    const uuid = mintedUuid(position, "AAAAAAAAAAAAAAAAAAAAAA");
    expect(positionOf(uuid)).toBe(position);
    expect(positionOf(parseInvocationId(formatInvocationId("00".repeat(8), uuid)).uuid)).toBe(
      position,
    );
  }
  const life = "AAAAAAAAAAAAAAAAAAABIw";
  const random = createHash("sha256").update(`holdfast id${life}`).digest("hex").slice(0, 16);
  expect(hexOf(mintedUuid(258, life))).toBe(`000000000102${random}0123`);
  expect(() => mintedUuid(2 ** 48, life)).toThrow("48 bits");
});

test("ids of a cluster say which app and which partition key they are of", () => {
  const partitionKey = "00ff00ff00ff00ff";
  const tag = hexOf(tagOf("shop"));
  const chosen = explicitId(partitionKey, "BBBBBBBBBBBBBBBBBBBBBA", "shop");
  expect(whereOf(chosen)).toEqual({ tag, partitionKey });
  const incarnation = base64urlOf(withTag(new Uint8Array(16), "shop"));
  const minted = formatInvocationId(partitionKey, mintedUuid(7, incarnation));
  expect(whereOf(minted)).toEqual({ tag, partitionKey });
  const awakeable = formatAwakeableId({ partitionKey, position: 7, index: 1, incarnation });
  expect(whereOf(awakeable)).toEqual({ tag, partitionKey });
  expect(hexOf(tagOf("tickets"))).not.toBe(tag);
  expect(() => whereOf("nonsense")).toThrow("bad format");
});

test("a derived uuid depends on the secret, on each part and on where parts end", () => {
  const message = Buffer.concat([
    Buffer.of(0, 0, 0, 1),
    Buffer.from("a"),
    Buffer.of(0, 0, 0, 2),
    Buffer.from("ü"),
  ]);
  expect(hexOf(derivedUuid(utf8("s"), ["a", "ü"]))).toBe(
    createHmac("sha256", "s").update(message).digest("hex").slice(0, 32),
  );
  const uuids = [["a", "bc"], ["ab", "c"], ["abc"], ["abc", ""], []].flatMap((parts) =>
    ["s", "t"].map((secret) => hexOf(derivedUuid(utf8(secret), parts))),
  );
  expect(new Set(uuids).size).toBe(10);
});

test("an awakeable id says who waits where, in which life", () => {
  const address = {
    partitionKey: "f90b0d28ad3dc5fa",
    position: 2 ** 40 + 7,
    index: 4_294_967_295,
    incarnation: "____________________-w",
  };
  expect(formatAwakeableId(address)).toBe(`awk_1-QsNKK09xfoBAAAAAAf_____${address.incarnation}`);
  expect(parseAwakeableId(formatAwakeableId(address))).toEqual(address);
});

test.each([
  ["bad", "bad format"],
  ["inv_1aaaa", "id doesn't match the expected type"],
  ["awk_2", "unrecognized codec version"],
  ["awk_1aaaa", "bad length"],
  [`awk_1${"+".repeat(46)}`, "base64 decode error"],
])("%s is no awakeable id: %s", (text, why) => {
  expect(() => parseAwakeableId(text)).toThrow(
    expect.objectContaining({
      code: "AWAKEABLE_ID_INVALID",
      status: 400,
      message: `bad awakeable id '${text}': ${why}`,
    }),
  );
});
