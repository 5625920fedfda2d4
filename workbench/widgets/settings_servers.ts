// The list of servers: one row each with its state, and below it what a test tried, where it stopped, what to do.
import { h, iconButton, prose, setAttribute, setText, show, textButton } from "./dom";
import { plural } from "./format";
import { icon } from "./icons";
import type { Menu } from "./menu";
import { box, part } from "./settings_controls";
import type { FoundView, ServerRow, SettingsView, StepView, TestView } from "./settings_protocol";

export interface ServerEvents {
  add(): void;
  edit(server: ServerRow): void;
  remove(server: ServerRow): void;
  copy(server: ServerRow): void;
  test(name: string): void;
  stop(name: string): void;
  close(name: string): void;
  look(): void;
  connect(found: FoundView): void;
}

const DOTS = { up: "loaded", unasked: "ready", down: "down", asking: "load" } as const;

export class Servers {
  readonly element: HTMLElement;
  private readonly count = h("span", { class: "wb-t3 wb-fs-s" });
  private readonly look: HTMLButtonElement;
  private readonly found: Found;
  private readonly list = box();
  private readonly empty: HTMLElement;
  private readonly rows = new Map<string, Row>();

  constructor(private readonly events: ServerEvents, private readonly menu: Menu) {
    this.look = textButton("Look for local ones", "wb-gh wb-sm wb-word", () => events.look(), "search");
    setAttribute(this.look, "aria-label", "Look for local ones");
    const add = textButton("Add", "wb-sm", () => events.add(), "plus");
    this.found = new Found(events);
    this.empty = h(
      "div", { class: "wb-pempty wb-box" },
      h("b", { class: "wb-b" }, "No server yet"),
      h("span", { class: "wb-t2" }, "Models on this machine answer without one. Ollama, LM Studio, OpenAI and others go here."),
    );
    this.element = part("Servers", [this.found.element, this.list, this.empty], [this.look, add], this.count);
  }

  update(view: SettingsView): void {
    const there = new Set(view.rows.map((row) => row.id));
    for (const [id, row] of this.rows) {
      if (there.has(id)) continue;
      row.element.remove();
      this.rows.delete(id);
    }
    for (const server of view.rows) {
      let row = this.rows.get(server.id);
      if (!row) {
        row = new Row(server, this.events, this.menu);
        this.rows.set(server.id, row);
        this.list.append(row.element);
      }
      row.update(server);
    }
    const asked = view.rows.filter((row) => row.state !== "unasked").length;
    const up = view.rows.filter((row) => row.state === "up").length;
    setText(this.count, asked ? `${up} of ${view.rows.length} answer${up === 1 ? "s" : ""}` : view.rows.length ? plural(view.rows.length, "server") : "");
    setText(this.look.querySelector("span")!, view.looking ? "Looking…" : "Look for local ones");
    this.look.disabled = view.looking;
    show(this.list, view.rows.length > 0);
    show(this.empty, view.rows.length === 0);
    this.found.update(view);
  }
}

class Row {
  readonly element: HTMLElement;
  private readonly dot = h("span", { class: "wb-dot" });
  private readonly title = h("span", { class: "wb-n2" });
  private readonly address = h("div", { class: "wb-n2 wb-mono wb-cut" });
  private readonly narrow = h("div", { class: "wb-n2 wb-sstate wb-nn" });
  private readonly words = h("span", { class: "wb-fs-s wb-sstate wb-tm" });
  private readonly test: HTMLButtonElement;
  private readonly steps: Steps;
  private server: ServerRow;
  private drawn = "";

  constructor(server: ServerRow, events: ServerEvents, menu: Menu) {
    this.server = server;
    const { id } = server;
    this.test = textButton("Test", "wb-sm", () => (this.server.test?.running ? events.stop(id) : events.test(id)));
    const edit = iconButton("edit", `Edit ${id}`, () => events.edit(this.server), true);
    edit.classList.add("wb-hn");
    const more = iconButton("more", `More for ${id}`, () => menu.open(more, id, [
      [
        { label: "Edit", icon: "edit", press: () => events.edit(this.server) },
        { label: "Copy the address", icon: "copy", press: () => events.copy(this.server) },
      ],
      [{ label: "Remove…", icon: "trash", danger: true, press: () => events.remove(this.server) }],
    ]), true);
    setAttribute(more, "aria-haspopup", "menu");
    this.steps = new Steps(id, () => events.close(id));
    const line = h(
      "div", { class: "wb-ep" },
      this.dot,
      h("div", { class: "wb-sname" }, h("div", { class: "wb-cut" }, h("b", { class: "wb-b" }, id), " ", this.title), this.address, this.narrow),
      this.words,
      h("div", { class: "wb-acts wb-pgone" }, this.test, edit, more),
    );
    this.element = h("div", { class: "wb-server", "data-server": id, role: "group", "aria-label": id }, line, this.steps.element);
  }

  update(server: ServerRow): void {
    const stamp = JSON.stringify(server);
    if (stamp === this.drawn) return;
    this.drawn = stamp;
    this.server = server;
    setAttribute(this.dot, "class", `wb-dot wb-${DOTS[server.state]}`);
    setAttribute(this.dot, "style", server.state === "asking" ? "--p: 30" : null);
    setText(this.title, server.title);
    setText(this.address, server.url);
    setAttribute(this.address, "title", server.url);
    for (const place of [this.words, this.narrow]) place.replaceChildren(...stateWords(server));
    const running = server.test?.running ?? false;
    setText(this.test.querySelector("span")!, running ? "Stop" : "Test");
    setAttribute(this.test, "aria-label", `${running ? "Stop testing" : "Test"} ${server.id}`);
    this.steps.update(server.test);
    this.element.classList.toggle("wb-opened", server.test !== null);
  }
}

/** What the state column holds: trouble first, then a warning, then how it is, then where its key is. */
function stateWords(server: ServerRow): (HTMLElement | SVGElement | string)[] {
  const line = (words: string, tone: string, sign: SVGElement | null = null): HTMLElement =>
    h("span", { class: `wb-sline ${tone}`, title: words }, sign, h("span", { class: "wb-cut" }, words));
  const lines = [];
  if (server.state === "down") lines.push(line(server.words, "wb-err"));
  else if (server.words) lines.push(line(server.words, "wb-t2"));
  if (server.warning) lines.push(line(server.warning, "wb-warn", icon("warn", true)));
  else if (server.key) lines.push(line(server.key, "wb-t2", icon("key", true)));
  return lines;
}

/** What a test did: each step in words, with the cure where it stopped. */
export class Steps {
  readonly element: HTMLElement;
  private readonly list = h("ul", { class: "wb-steps" });
  private readonly away: HTMLElement | null;
  private drawn = "";

  constructor(server: string, close: (() => void) | null) {
    this.away = close && h("span", { class: "wb-pclose wb-pgone" }, iconButton("x", `Close the result of ${server}`, close, true));
    this.element = h("div", { class: "wb-ed", role: "group", "aria-label": "Result of the test" }, this.list, this.away);
    show(this.element, false);
  }

  update(test: TestView | null): void {
    const stamp = JSON.stringify(test);
    if (stamp === this.drawn) return;
    this.drawn = stamp;
    show(this.element, test !== null);
    if (this.away) show(this.away, test?.running === false);
    if (test) this.list.replaceChildren(...test.steps.map(stepLine), ...rest(test));
  }
}

function stepLine(step: StepView): HTMLElement {
  const tone = step.ok === null ? "wb-warn" : step.ok ? "wb-ok" : "wb-err";
  const sign = icon(step.ok === null ? "info" : step.ok ? "check" : "x");
  const message = step.ok === false ? h("b", { class: "wb-b" }, ...prose(step.message)) : h("span", {}, ...prose(step.message));
  return h("li", {}, h("span", { class: tone }, sign), h("span", { class: "wb-grow" }, message, ...(step.next_step ? [" ", ...prose(step.next_step)] : [])));
}

/** What is being tried, and what was not. */
function rest(test: TestView): HTMLElement[] {
  const left = [...test.left];
  const lines: HTMLElement[] = [];
  if (test.running && left.length) {
    const dot = h("span", { class: "wb-dot wb-load" });
    dot.style.setProperty("--p", "30");
    lines.push(h("li", {}, h("span", { class: "wb-i wb-sdot" }, dot), h("span", { class: "wb-t2" }, `${sentence(left.shift()!)}…`)));
  }
  if (left.length && !test.running) {
    lines.push(h("li", { class: "wb-t3" }, h("span", {}, icon("more")), h("span", {}, `${sentence(left.join(", "))}: not tried`)));
  }
  return lines;
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What answers at this machine's usual ports and is not connected yet. */
class Found {
  readonly element = h("div", { class: "wb-box wb-found", role: "status" });
  private drawn = "";
  private closed: FoundView[] | null = null;

  constructor(private readonly events: ServerEvents) {}

  update(view: SettingsView): void {
    const found = view.found;
    if (view.looking) this.closed = null;
    show(this.element, found !== null && found !== this.closed && !view.looking);
    const stamp = JSON.stringify(found);
    if (!found || stamp === this.drawn) return;
    this.drawn = stamp;
    const words = found.length ? "Found on this machine" : "Nothing else answers at the usual ports of this machine.";
    const close = iconButton("x", "Close what was found", () => {
      this.closed = view.found;
      show(this.element, false);
    }, true);
    const head = h("div", { class: "wb-srow" }, h("span", { class: found.length ? "wb-lbl wb-grow" : "wb-t2 wb-grow" }, words), close);
    this.element.replaceChildren(head, ...found.map((each) => this.line(each)));
  }

  private line(found: FoundView): HTMLElement {
    const add = textButton("Add", "wb-sm", () => this.events.connect(found), "plus");
    setAttribute(add, "aria-label", `Add ${found.name}`);
    const name = h("div", { class: "wb-grow wb-sname" }, h("div", { class: "wb-cut" }, h("b", { class: "wb-b" }, found.title || found.name), " ", h("span", { class: "wb-n2" }, found.words)), h("div", { class: "wb-n2 wb-mono wb-cut" }, found.url));
    return h("div", { class: "wb-srow" }, name, add);
  }
}
