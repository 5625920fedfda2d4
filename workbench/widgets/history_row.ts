// One line of the history: the name of a group, a chat, or a message that was found. The same element draws each.
import { h, iconButton, setAttribute, setText, show, textButton } from "./dom";
import { count, modelName, plural } from "./format";
import type { ChatRow } from "./history_protocol";
import { when, who, type Item } from "./history_words";
import type { RowElement } from "./virtual";

/** What a line shows, and how it stands in the list. */
export interface LineFacts {
  item: Item | undefined;
  selected: boolean;
  /** The chat whose title is being typed. */
  editing: boolean;
  now: number;
}

/** What can be pressed in a line; the name is in `data-act` of the control. */
export type LineAct = "select" | "open" | "more" | "unpin" | "tags";

const MOST_TAGS = 3;

export class Line implements RowElement {
  readonly element: HTMLElement;
  /** Takes a new title while one is typed. */
  readonly field = h("input", { type: "text", class: "wb-hfield", "aria-label": "Title", maxlength: 200, spellcheck: "false", hidden: true });
  private readonly head = h("div", { class: "wb-hgroup", role: "gridcell" });
  private readonly box = h("input", { type: "checkbox", class: "wb-cb", tabindex: -1, "data-act": "select" });
  private readonly title = h("button", { type: "button", class: "wb-htitle wb-cut", tabindex: -1, "data-act": "open" });
  private readonly pin = acting(iconButton("pin", "Let go from the top", () => {}, true), "unpin");
  private readonly opened = h("span", { class: "wb-bdg wb-ok", title: "Open in this notebook" }, h("span", { class: "wb-dot wb-loaded wb-ldot" }), "open");
  private readonly second = h("div", { class: "wb-n2 wb-cut" });
  private readonly tags = h("div", { class: "wb-htags wb-hn", role: "gridcell" });
  private readonly model = h("div", { class: "wb-cut wb-t2 wb-hn", role: "gridcell" });
  private readonly messages = h("div", { class: "wb-num wb-t2 wb-hn", role: "gridcell" });
  private readonly when = h("div", { class: "wb-num wb-t2 wb-hn2", role: "gridcell" });
  private readonly more = acting(iconButton("more", "More", () => {}, true), "more");
  private readonly snippet = h("div", { class: "wb-hsnip wb-cut", role: "gridcell" });
  private readonly said = h("div", { class: "wb-fs-s wb-t3 wb-cut wb-num" });
  private readonly chat: HTMLElement;
  private readonly hit: HTMLElement;
  private drawn = "";

  constructor(private readonly factsOf: (index: number) => LineFacts) {
    const open = acting(textButton("Open", "wb-sm wb-hopen", () => {}, "tocell"), "open");
    setAttribute(open, "title", "Opens it in a cell below");
    for (const button of [open, this.more, this.pin]) button.tabIndex = -1;
    setAttribute(this.more, "aria-haspopup", "menu");
    const name = h("div", { class: "wb-hname", role: "gridcell" }, h("div", { class: "wb-fx wb-gap1" }, this.pin, this.title, this.field, this.opened), this.second);
    this.chat = h("div", { class: "wb-hg" }, h("div", { role: "gridcell" }, this.box), name, this.tags, this.model, this.messages, this.when,
      h("div", { class: "wb-hacts wb-pgone", role: "gridcell" }, open, this.more));
    this.hit = h("div", { class: "wb-hhit" }, this.snippet, this.said);
    this.element = h("div", { class: "wb-hr", role: "row", tabindex: -1 }, this.head, this.chat, this.hit);
  }

  draw(index: number): void {
    const { item, selected, editing, now } = this.factsOf(index);
    const stamp = JSON.stringify([item, selected, editing, Math.floor(now / 60)]);
    if (stamp === this.drawn) return;
    this.drawn = stamp;
    const kind = item?.kind ?? "head";
    show(this.head, kind === "head");
    show(this.chat, kind === "chat");
    show(this.hit, kind === "hit" || kind === "more");
    this.element.className = `wb-hr wb-h-${kind}${selected ? " wb-sel" : ""}`;
    setAttribute(this.element, "aria-selected", kind === "chat" ? String(selected) : null);
    setAttribute(this.element, "aria-label", null);
    if (!item) return;
    if (item.kind === "head") setText(this.head, item.words);
    else if (item.kind === "chat") this.drawChat(item.row, selected, editing, now);
    else if (item.kind === "more") {
      setText(this.snippet, item.words);
      setText(this.said, "");
    } else {
      this.snippet.replaceChildren(...item.hit.snippet.map(([text, matched]) => (matched ? h("mark", {}, text) : text)));
      setText(this.said, `${who(item.hit)}, ${when(item.hit.at, now)}`);
    }
  }

  private drawChat(row: ChatRow, selected: boolean, editing: boolean, now: number): void {
    this.box.checked = selected;
    setAttribute(this.box, "aria-label", `Select ${row.title}`);
    setText(this.title, row.title);
    setAttribute(this.title, "title", row.title);
    setAttribute(this.more, "aria-label", `More for ${row.title}`);
    show(this.pin, row.pinned);
    show(this.title, !editing);
    show(this.field, editing);
    show(this.opened, row.open && !editing);
    const model = row.model === null ? "" : modelName(row.model);
    const messages = plural(row.messages, "message");
    this.second.replaceChildren(
      h("span", { class: "wb-hw2" }, `${when(row.updated, now)} · `),
      [model, messages, ...row.tags.map((tag) => `#${tag}`)].filter(Boolean).join(" · "),
    );
    this.tags.replaceChildren(...tagBadges(row.tags));
    setText(this.model, model);
    setAttribute(this.model, "title", row.model);
    setText(this.messages, count(row.messages));
    setText(this.when, when(row.updated, now));
    setAttribute(this.when, "title", new Date(row.updated * 1000).toLocaleString("en-GB"));
  }
}

function tagBadges(tags: string[]): HTMLElement[] {
  const button = (words: string): HTMLElement =>
    h("button", { type: "button", class: "wb-bdg wb-htag", tabindex: -1, "data-act": "tags", title: tags.join(", ") }, h("span", { class: "wb-cut" }, words));
  const shown = tags.slice(0, MOST_TAGS).map(button);
  return tags.length > MOST_TAGS ? [...shown, button(`+${tags.length - MOST_TAGS}`)] : shown;
}

function acting<E extends HTMLElement>(element: E, act: LineAct): E {
  element.dataset.act = act;
  return element;
}

/** The heads of the columns, which stay above the lines. */
export function columnHeads(): HTMLElement {
  const head = (words: string, style = ""): HTMLElement => h("span", { class: style, role: "columnheader" }, words);
  const blank = (words: string): HTMLElement => h("span", { role: "columnheader" }, h("span", { class: "wb-sr" }, words));
  return h("div", { class: "wb-hg wb-hheads", role: "row" }, blank("Selected"), head("Chat"), head("Tags", "wb-hn"), head("Model", "wb-hn"),
    head("Messages", "wb-num wb-hn"), head("Changed", "wb-num wb-hn2"), blank("What can be done"));
}

