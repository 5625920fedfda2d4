// Colours code: the languages people ask models for, in the classes of the style sheet.
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import cpp from "highlight.js/lib/languages/cpp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import r from "highlight.js/lib/languages/r";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";

const LANGUAGES = {
  bash, cpp, css, diff, go, java, javascript, json, python, r, rust, sql, typescript, xml, yaml,
};
for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language);

/** Longer code stays uncoloured, as does code with a longer line: some patterns take the square of a length. */
const MOST_CHARACTERS = 30_000;
const LONG_LINE = /[^\n]{1000}/;

const CLASS_OF: Record<string, string> = {
  keyword: "wb-k", name: "wb-k", section: "wb-k", "selector-tag": "wb-k",
  string: "wb-s", regexp: "wb-s", deletion: "wb-s", char: "wb-s", code: "wb-s",
  number: "wb-n", literal: "wb-n", symbol: "wb-n", addition: "wb-n", bullet: "wb-n",
  comment: "wb-c", quote: "wb-c",
  title: "wb-fn", built_in: "wb-fn", type: "wb-fn", attr: "wb-fn", attribute: "wb-fn", property: "wb-fn",
  operator: "wb-o", meta: "wb-o", "selector-class": "wb-o", "selector-id": "wb-o", "selector-pseudo": "wb-o",
};

/** Text as HTML. */
export function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Code as HTML with coloured spans, everything in it escaped; null where it stays as it is. */
export function highlight(code: string, language: string): string | null {
  if (code.length > MOST_CHARACTERS || !hljs.getLanguage(language) || LONG_LINE.test(code)) return null;
  const html = hljs.highlight(code, { language, ignoreIllegals: true }).value;
  return html.replace(/<span class="hljs-([a-z_-]+)[^"]*">/g, (_, scope: string) => {
    const name = CLASS_OF[scope];
    return name ? `<span class="${name}">` : "<span>";
  });
}
