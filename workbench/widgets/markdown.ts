// Markdown to safe HTML, and where its finished blocks end. Nothing is ever loaded, nothing in it can run.
import DOMPurify from "dompurify";
import MarkdownIt, { type Env, type Token } from "markdown-it";
import { maths } from "./math";

/** The link definitions seen so far; shared by the pieces of one document. */
export type Scope = Env;

const md = new MarkdownIt({ html: false, linkify: false, typographer: false });
md.use(maths);

/** A paragraph above this many characters is shown as it is: no one writes emphasis there, and it must stay quick. */
const LONGEST_PARAGRAPH = 50_000;
const parseInline = md.inline.parse.bind(md.inline);
md.inline.parse = (source, parser, scope, tokens) => {
  if (source.length <= LONGEST_PARAGRAPH) return parseInline(source, parser, scope, tokens);
  const words = new parser.inline.State(source, parser, scope, tokens).push("text", "", 0);
  words.content = source;
};

// A remote image tells its host who reads: only its name and address are written down, for the reader to ask for it.
md.renderer.rules.image = (tokens, i) => {
  const token = tokens[i]!;
  const source = String(token.attrGet("src") ?? "");
  const words = md.utils.escapeHtml(token.content || "image");
  if (!/^https?:/i.test(source) || !URL.canParse(source)) return words;
  return `<span class="wb-img" data-src="${md.utils.escapeHtml(source)}">${words}</span>`;
};
md.renderer.rules.link_open = (tokens, i, options, _env, self) => {
  const token = tokens[i]!;
  token.attrSet("target", "_blank");
  token.attrSet("rel", "noopener noreferrer");
  token.attrSet("tabindex", "-1");
  return self.renderToken(tokens, i, options);
};
md.renderer.rules.table_open = () => '<div class="wb-wide"><table>';
md.renderer.rules.table_close = () => "</table></div>";
md.renderer.rules.th_open = md.renderer.rules.td_open = (tokens, i, options, _env, self) => {
  const token = tokens[i]!;
  const align = /(left|center|right)/.exec(String(token.attrGet("style") ?? ""))?.[1];
  token.attrs = align ? [["align", align]] : null;
  return self.renderToken(tokens, i, options);
};

const purify = DOMPurify(window);
purify.addHook("uponSanitizeAttribute", (node, attribute) => {
  // Formulas carry their spacing in styles: plain values only, and only inside MathML.
  if (attribute.attrName !== "style") return;
  const isMaths = node.namespaceURI === "http://www.w3.org/1998/Math/MathML";
  attribute.keepAttr = isMaths && /^(?:[a-z-]+:[\w.%# -]+;?)*$/i.test(attribute.attrValue);
});
/** Attributes that hold no address. */
const HARMLESS = [
  "align", "class", "rel", "start", "style", "tabindex", "target",
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
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|#)/i,
  RETURN_DOM_FRAGMENT: true as const,
};

/** Line ends as markdown-it sees them, so that its line numbers can be counted in the text. */
export function normalise(text: string): string {
  return text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
}

/** Renders a document or a run of whole blocks of one. */
export function render(text: string, scope: Scope = {}): DocumentFragment {
  const fragment = purify.sanitize(md.render(text, scope), SAFE);
  for (const node of [...fragment.childNodes]) if (node instanceof Text) node.remove(); // line ends between blocks
  return fragment;
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
