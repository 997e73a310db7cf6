// What the process that answers SQL says: rows, or what is wrong with the question.

export type NamedRows = readonly Readonly<Record<string, string | number | null>>[];

export type SqlAnswer =
  | { readonly rows: NamedRows }
  | { readonly code: string | undefined; readonly message: string };
