// Where in a value something is, as one would write it in code. For messages only.

/** `items[3].when` */
export function propertyPath(keys: readonly PropertyKey[]): string {
  let text = "";
  for (const key of keys) {
    if (typeof key !== "string") text += `[${String(key)}]`;
    else if (!/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key)) text += `[${JSON.stringify(key)}]`;
    else text += text === "" ? key : `.${key}`;
  }
  return text;
}
