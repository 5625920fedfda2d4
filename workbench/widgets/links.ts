// Links and images in Markdown: safe attributes, and where a link leads when its words name another place.
import type { MarkdownIt, Token } from "markdown-it";

/** Longer addresses are no links: a definition used a thousand times must stay small. */
const LONGEST_ADDRESS = 1000;
/** A host as people write it: words with dots, a number address, localhost. */
const HOST = /(?:[\p{L}\p{N}_-]+\.)+[\p{L}\p{N}-]{2,}|\d+(?:\.\d+){3}|\blocalhost\b|\[[0-9a-f:]+\]/giu;
/** Folded characters with which a text can look like another one. */
const UNSEEN = /\p{Cf}/gu;

export function links(md: MarkdownIt): void {
  const valid = md.validateLink.bind(md);
  md.validateLink = (address) => address.length <= LONGEST_ADDRESS && valid(address);
  md.core.ruler.push("links", (state) => {
    for (const token of state.tokens) if (token.children) dress(token.children);
  });
  md.renderer.rules.link_close = (tokens, i) => {
    const host = tokens[i]!.content;
    return host ? `</a> <span class="wb-host wb-t2" dir="ltr">(${md.utils.escapeHtml(host)})</span>` : "</a>";
  };
  // A remote image tells its host who reads: only its name and address are written down, for the reader to ask for it.
  md.renderer.rules.image = (tokens, i) => {
    const token = tokens[i]!;
    const source = String(token.attrGet("src") ?? "");
    const words = md.utils.escapeHtml(token.content || "image");
    if (!/^https?:/i.test(source) || !URL.canParse(source)) return words;
    return `<span class="wb-img" data-src="${md.utils.escapeHtml(source)}">${words}</span>`;
  };
}

/** Gives each link its attributes, and its end the host to be shown. */
function dress(tokens: Token[]): void {
  const read = new Map<string, URL | null>(); // one definition may be used by a thousand links
  let open: Token | null = null;
  let words = "";
  for (const token of tokens) {
    if (token.type === "link_open") {
      open = token;
      words = "";
    } else if (token.type === "link_close" && open) {
      const address = String(open.attrGet("href") ?? "");
      open.attrs = [["dir", "auto"]];
      if (!read.has(address)) read.set(address, readAddress(address));
      const url = read.get(address);
      if (url) {
        const attributes = { href: address, title: address, target: "_blank", rel: "noopener noreferrer", tabindex: "-1" };
        open.attrs.push(...Object.entries(attributes));
        token.content = hostToShow(url, words);
      }
      open = null;
    } else if (open) {
      words += token.content;
      token.meta = { inLink: true };
    }
  }
}

/** An address of the web or of mail; null for any other. */
function readAddress(address: string): URL | null {
  return /^(?:https?|mailto):/i.test(address) && URL.canParse(address) ? new URL(address) : null;
}

/** The host of an address where the words of its link name another one, or where it can be mistaken; else empty. */
function hostToShow(address: URL, words: string): string {
  const host = address.protocol === "mailto:" ? address.pathname.replace(/^.*(?:@|%40)/i, "") : address.host;
  const mistakable = address.username !== "" || /(?:^|\.)xn--/.test(host);
  const others = words.normalize("NFKC").replace(UNSEEN, "").match(HOST) ?? [];
  const plain = (name: string): string => name.toLowerCase().replace(/^www\.|:\d+$/g, "");
  return mistakable || others.some((other) => plain(other) !== plain(host)) ? host : "";
}
