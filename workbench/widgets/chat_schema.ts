// An answer that was asked in a shape: its JSON, laid out as it comes, and what held it to the schema.
import { h, setText, show } from "./dom";
import { icon } from "./icons";
import type { MessageView, SchemaView } from "./protocol";

/** What stands below an answer that was asked in a shape; its line is there from the start. */
export class SchemaLine {
  readonly element: HTMLElement;
  private readonly name = h("span", { class: "wb-mono wb-t2" });
  private readonly words = h("span");
  private readonly badge: HTMLElement;
  private readonly sign = h("span", {}, icon("check"));
  private readonly why = h("span", { class: "wb-t2 wb-fs-s wb-grow" });

  constructor() {
    this.badge = h("span", { class: "wb-bdg" }, this.sign, this.words);
    this.element = h("div", { class: "wb-fx wb-shape", role: "note" }, this.name, this.badge, this.why);
  }

  update({ schema, status }: MessageView): void {
    show(this.element, schema !== null);
    if (!schema) return;
    const misfit = schema.valid === false;
    const ended = status === "done" || status === "cancelled" || status === "failed";
    show(this.name, schema.name !== "");
    setText(this.name, schema.name);
    setText(this.words, schemaWords(schema, ended));
    show(this.sign, schema.valid === true);
    this.badge.classList.toggle("wb-ok", schema.valid === true);
    this.badge.classList.toggle("wb-err", misfit);
    show(this.why, misfit);
    setText(this.why, misfit ? schema.error : "");
  }
}

/** "JSON, enforced by the grammar". */
export function schemaWords(schema: SchemaView, ended: boolean): string {
  if (schema.valid === false) return "Does not fit the schema";
  if (schema.valid === null) return ended ? "JSON, not checked" : "JSON";
  return schema.enforced === "grammar" ? "JSON, enforced by the grammar" : "JSON, checked";
}

/** The text as Markdown: JSON in a block of code, a line for each value; anything else as it is. */
export function schemaMarkdown(text: string, schema: SchemaView | null, writing: boolean): string {
  const json = text.trim();
  if (!schema || !/^[{[]/.test(json)) return text;
  if (!writing && schema.enforced !== "grammar" && !isJson(json)) return text;
  const longest = Math.max(2, ...[...json.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}json\n${laidOut(json)}${writing ? "" : `\n${fence}`}`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** JSON with each value on its own line, as far as it is written: what is laid out does not change when more comes. */
export function laidOut(json: string): string {
  let out = "";
  let depth = 0;
  let quoted = false;
  let opened = false; // a bracket, with nothing in it so far
  for (let at = 0; at < json.length; at++) {
    const sign = json[at]!;
    if (quoted) {
      out += sign;
      if (sign === "\\") out += json[++at] ?? "";
      else if (sign === '"') quoted = false;
      continue;
    }
    if (/\s/.test(sign)) continue;
    const closes = sign === "}" || sign === "]";
    if (closes) depth = Math.max(0, depth - 1);
    if (opened !== closes) out += `\n${"  ".repeat(depth)}`;
    opened = sign === "{" || sign === "[";
    if (opened) depth++;
    quoted = sign === '"';
    out += sign === ":" ? ": " : sign;
    if (sign === ",") out += `\n${"  ".repeat(depth)}`;
  }
  return out;
}
