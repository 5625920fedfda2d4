// Maths in Markdown: $..$, $$..$$, \(..\) and \[..\] become MathML. A rule for markdown-it, nothing else.
import type { MarkdownIt, StateBlock, StateInline } from "markdown-it";
import temml from "temml";
import { escapeText } from "./highlight";
import { marked } from "./invisible";

/** A closing mark is looked for at most this far, so that a text full of dollar signs stays cheap; no formula is longer. */
const REACH = 4000;
/** What names a new command: with them a few words could become millions. */
const DEFINES = /\\(?:[egx]?def|(?:re|provide)?newcommand|providecommand|renewcommand|let|futurelet|global|long)(?![a-z])/i;
/** Sizes a formula may ask for, in em and in points. */
const LARGEST: [number, number] = [40, 400];
/** Block marks and what closes them. */
const BLOCKS = [["$$", "$$"], ["\\[", "\\]"]] as const;

export function maths(md: MarkdownIt): void {
  md.inline.ruler.before("escape", "maths", inlineMaths);
  md.block.ruler.before("fence", "maths_block", blockMaths, { alt: ["paragraph", "reference", "blockquote", "list"] });
  md.renderer.rules.maths = (tokens, i) => {
    const token = tokens[i]!;
    return toMathML(token.content, token.block || token.markup === "$$" || token.markup === "\\[");
  };
}

/** MathML of a formula; its source as code where it cannot be read, is too long or defines commands. */
function toMathML(source: string, display: boolean): string {
  const options = { displayMode: display, throwOnError: true, trust: false, maxSize: LARGEST };
  try {
    if (source.length <= REACH && !DEFINES.test(source)) return temml.renderToString(source, options);
  } catch {
    // no formula: its source is shown
  }
  const code = `<code dir="ltr">${marked(escapeText(source), "code")}</code>`;
  return display ? `<p>${code}</p>` : code;
}

function inlineMaths(state: StateInline, silent: boolean): boolean {
  const { src, pos } = state;
  const open = ["$$", "\\(", "\\[", "$"].find((mark) => src.startsWith(mark, pos));
  if (!open) return false;
  const close = open === "\\(" ? "\\)" : open === "\\[" ? "\\]" : open;
  const start = pos + open.length;
  const end = src.slice(start, start + REACH).indexOf(close) + start;
  if (end <= start) return false;
  const content = src.slice(start, end);
  // Like Pandoc: a single dollar must touch its formula, and a price after it means two prices.
  if (open === "$" && (/^\s|[\s\\]$/.test(content) || /\d/.test(src[end + 1] ?? ""))) return false;
  if (!content.trim()) return false;
  if (!silent) {
    const token = state.push("maths", "math", 0);
    token.markup = open;
    token.content = content;
  }
  state.pos = end + close.length;
  return true;
}

/**
 * A block begins where its mark begins a line and ends at the closing mark, at an empty line or at the end. Only a
 * closed one is maths, but an unclosed one keeps its lines: what is written later never changes where blocks begin.
 */
function blockMaths(state: StateBlock, startLine: number, endLine: number, silent: boolean): boolean {
  if (state.sCount[startLine]! - state.blkIndent >= 4) return false;
  const lineAt = (line: number): string =>
    state.src.slice(state.bMarks[line]! + state.tShift[line]!, state.eMarks[line]!).trimEnd();
  const first = lineAt(startLine);
  const marks = BLOCKS.find(([open]) => first.startsWith(open));
  if (!marks) return false;
  const [open, close] = marks;
  const closedAt = first.indexOf(close, open.length);
  if (closedAt >= 0 && closedAt + close.length < first.length) return false;
  if (silent) return true;

  const content = [closedAt >= 0 ? first.slice(open.length, closedAt) : first.slice(open.length)];
  let closed = closedAt >= 0;
  let next = startLine + 1;
  while (!closed && next < endLine && !state.isEmpty(next) && state.sCount[next]! >= state.blkIndent) {
    const line = lineAt(next);
    next += 1;
    closed = line.endsWith(close);
    content.push(closed ? line.slice(0, -close.length) : line);
  }
  state.line = next;
  if (closed) {
    const token = state.push("maths", "math", 0);
    token.block = true;
    token.content = content.join("\n");
    token.map = [startLine, next];
  } else {
    const outer = state.push("paragraph_open", "p", 1);
    outer.map = [startLine, next];
    const inline = state.push("inline", "", 0);
    inline.content = open + content.join("\n");
    inline.map = [startLine, next];
    inline.children = [];
    state.push("paragraph_close", "p", -1);
  }
  return true;
}
