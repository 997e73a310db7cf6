// Text that others wrote, made safe for a terminal: payloads, keys, names and error messages may
// hold sequences that clear a screen, forge a line or turn text around. What would act is shown as
// an escape instead. It decides nothing about width or colour.

/** C0 but newline and tab, DEL, C1, and what turns the direction of text or hides in it. */
const acting =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const breaking = /[\n\t]/g;

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Text of several lines: newlines and tabs stay. */
export function plainText(text: string): string {
  return text.replace(acting, escaped);
}

/** Text for one line, such as a cell of a table. */
export function plainLine(text: string): string {
  return plainText(text).replace(breaking, (c) => (c === "\n" ? "\\n" : "\\t"));
}

/** JSON that means the same, with nothing in it that acts on a terminal. */
export function plainJson(value: unknown, indent?: number): string {
  return plainText(JSON.stringify(value, undefined, indent) ?? "null");
}
