// Markdown to safe HTML, and where its finished blocks end. Nothing is ever loaded, nothing in it can run.
import DOMPurify from "dompurify";
import MarkdownIt, { type Env, type Token } from "markdown-it";
import { marked } from "./invisible";
import { links } from "./links";
import { maths } from "./math";

/** The link definitions seen so far; shared by the pieces of one document. */
export type Scope = Env;

const md = new MarkdownIt({ html: false, linkify: false, typographer: false });
md.use(maths);
md.use(links);

/** Of a text longer than this many characters only the beginning is formatted. */
export const LONGEST_TEXT = 200_000;
/** A paragraph above this many characters is shown as it is: no one writes emphasis there, and it must stay quick. */
const LONGEST_PARAGRAPH = 20_000;
/** A block made of more pieces than this is shown as plain text; a formula counts as many, as does a long address. */
const MOST_PIECES = 20_000;
const PIECES_OF_MATHS = 20;
const ADDRESS_PIECE = 32;
/** As is one whose parts lie deeper in each other. */
const DEEPEST = 60;

const parseInline = md.inline.parse.bind(md.inline);
md.inline.parse = (source, parser, scope, tokens) => {
  if (source.length <= LONGEST_PARAGRAPH) return parseInline(source, parser, scope, tokens);
  const words = new parser.inline.State(source, parser, scope, tokens).push("text", "", 0);
  words.content = source;
};

const { escapeHtml } = md.utils;
md.renderer.rules.text = (tokens, i) => {
  const { content, meta } = tokens[i]!;
  return marked(escapeHtml(content), meta?.inLink ? "code" : "prose");
};
md.renderer.rules.code_inline = (tokens, i) => `<code dir="ltr">${marked(escapeHtml(tokens[i]!.content), "code")}</code>`;
md.renderer.rules.fence = md.renderer.rules.code_block = (tokens, i) => {
  const { content, info } = tokens[i]!;
  const language = md.utils.unescapeAll(info).trim().split(/\s+/)[0]!;
  const name = language ? ` class="language-${escapeHtml(language)}"` : "";
  return `<pre dir="ltr"><code${name}>${marked(escapeHtml(content), "code")}</code></pre>\n`;
};
// The first letter of a list, a quotation or a table tells in which direction it is written.
for (const name of ["bullet_list_open", "ordered_list_open", "blockquote_open"]) {
  md.renderer.rules[name] = (tokens, i, options, _env, self) => {
    tokens[i]!.attrSet("dir", "auto");
    return self.renderToken(tokens, i, options);
  };
}
md.renderer.rules.table_open = () => '<div class="wb-wide"><table dir="auto">';
md.renderer.rules.table_close = () => "</table></div>";
md.renderer.rules.th_open = md.renderer.rules.td_open = (tokens, i, options, _env, self) => {
  const token = tokens[i]!;
  const align = /(left|center|right)/.exec(String(token.attrGet("style") ?? ""))?.[1];
  token.attrs = align ? [["align", align]] : null;
  return self.renderToken(tokens, i, options);
};

const purify = DOMPurify(window);
/** What formulas carry in styles: nothing that loads, and nothing that takes a thing out of its place. */
const MATHS_STYLE = /^(?:(?!position|inset|top|left|right|bottom|z-index)[a-z-]+:[\w.%# -]+;?)*$/i;
purify.addHook("uponSanitizeAttribute", (node, attribute) => {
  if (attribute.attrName !== "style") return;
  const isMaths = node.namespaceURI === "http://www.w3.org/1998/Math/MathML";
  attribute.keepAttr = isMaths && MATHS_STYLE.test(attribute.attrValue.replace(/\s*([:;])\s*/g, "$1"));
});
/** Attributes that hold no address. */
const HARMLESS = [
  "align", "class", "data-chars", "dir", "rel", "start", "style", "tabindex", "target", "title",
  "accent", "accentunder", "columnalign", "columnlines", "columnspacing", "depth", "display", "displaystyle",
  "fence", "form", "height", "largeop", "linethickness", "lspace", "mathcolor", "mathvariant", "maxsize", "minsize",
  "movablelimits", "notation", "rowlines", "rowspacing", "rspace", "scriptlevel", "separator", "stretchy",
  "symmetric", "voffset", "width",
];
const SAFE = {
  ALLOWED_TAGS: [
    "a", "blockquote", "br", "code", "del", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p",
    "pre", "s", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
    "math", "menclose", "merror", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mphantom",
    "mprescripts", "mroot", "mrow", "ms", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd",
    "mtext", "mtr", "munder", "munderover", "none",
  ],
  ALLOWED_ATTR: [...HARMLESS, "href", "data-src"],
  ADD_URI_SAFE_ATTR: HARMLESS,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  RETURN_DOM_FRAGMENT: true as const,
};

/** Line ends as markdown-it sees them, so that its line numbers can be counted in the text. */
export function normalise(text: string): string {
  return text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
}

/** Renders a document or a run of whole blocks of one. What is too large to be formatted is shown as it is. */
export function render(text: string, scope: Scope = {}): DocumentFragment {
  const fragment = purify.sanitize(toHtml(text, scope), SAFE);
  for (const node of [...fragment.childNodes]) if (node instanceof Text) node.remove(); // line ends between blocks
  return fragment;
}

function toHtml(text: string, scope: Scope): string {
  const tokens = md.parse(text, scope);
  let lines: string[] | null = null;
  let html = "";
  for (let from = 0, to = 0; from < tokens.length; from = to) {
    to = from + 1;
    if (tokens[from]!.nesting > 0) while (tokens[to++]!.level > 0) continue;
    const block = tokens.slice(from, to);
    if (isTooLarge(block)) {
      const [first, end] = block[0]!.map!;
      lines ??= text.split("\n");
      html += plainHtml(lines.slice(first, end).join("\n"));
    } else {
      html += md.renderer.render(block, md.options, scope);
    }
  }
  return html;
}

/** Whether a block would make the page slow, or lies so deep that Markdown leaves the rest out. */
function isTooLarge(block: Token[]): boolean {
  let pieces = 0;
  for (const token of block) {
    let depth = token.level;
    pieces += token.type === "maths" ? PIECES_OF_MATHS : 1;
    for (const child of token.children ?? []) {
      depth += child.nesting;
      pieces += child.type === "maths" ? PIECES_OF_MATHS : 1;
      for (const [, value] of child.attrs ?? []) pieces += String(value).length / ADDRESS_PIECE;
      if (depth > DEEPEST) return true;
    }
    if (depth > DEEPEST || pieces > MOST_PIECES) return true;
  }
  return false;
}

/** A text as it is, with the word that it is so. */
function plainHtml(text: string): string {
  return `<div class="wb-plain"><p class="wb-t3">${TOO_LARGE}</p><p dir="auto">${marked(escapeHtml(text), "prose")}</p></div>`;
}
export const TOO_LARGE = "Shown as plain text: too large to format.";

/** How many characters at the start of `text` are formatted: all, or the blocks that end before it is too long. */
export function formattedLength(text: string): number {
  return text.length > LONGEST_TEXT ? finishedLength(`${text.slice(0, LONGEST_TEXT)}\n`) : text.length;
}

/**
 * How many characters at the start of `text` are blocks that nothing written later can change: all before the last
 * block that begins on a finished line.
 */
export function finishedLength(text: string): number {
  const lines = text.slice(0, text.lastIndexOf("\n") + 1);
  if (!lines) return 0;
  const tokens: Token[] = [];
  md.block.parse(lines, md, {}, tokens);
  const starts = tokens.filter((token) => token.level === 0 && token.nesting >= 0 && token.map);
  const last = starts.length > 1 ? starts[starts.length - 1]!.map![0] : 0;
  let at = 0;
  for (let line = 0; line < last; line++) at = lines.indexOf("\n", at) + 1;
  return at;
}
