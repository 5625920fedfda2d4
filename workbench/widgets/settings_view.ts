// One view of the settings: the sections at the left (above, where it is narrow), the open one beside them, the forms.
import { Dialog } from "./dialog";
import { copyText, h, setAttribute, setText, show, textButton } from "./dom";
import { Menu } from "./menu";
import { Panel } from "./panel";
import type { Ack } from "./protocol";
import { ServerForm } from "./settings_form";
import { Presets } from "./settings_presets";
import type { ChoiceView, ServerRow, SettingsRequest, SettingsStore, SettingsView } from "./settings_protocol";
import { Carrying, DownloadLimits, Memory, Privacy, Problem, WhoAnswers, type Doing, type Section } from "./settings_sections";
import { Servers } from "./settings_servers";

let numbered = 0;

export class SettingsPanel {
  readonly element: HTMLElement;
  private readonly panel: Panel;
  private readonly problem: Problem;
  private readonly servers: Servers;
  private readonly sections: Section[];
  private readonly form: ServerForm;
  private readonly removing: RemoveDialog;
  private readonly menu: Menu;
  private readonly tests = new Map<string, boolean>();

  constructor(private readonly store: SettingsStore, signal: AbortSignal) {
    const doing: Doing = {
      ask: (request, quiet) => this.ask(request, quiet),
      models: (text, server) => this.models(text, server),
      say: (words) => this.panel.notice.word(words),
    };
    this.menu = new Menu(signal);
    this.problem = new Problem(doing);
    this.form = new ServerForm(
      {
        check: (url, name, replaces) => store.request({ kind: "check_address", url, name, replaces }),
        save: (server) => store.request({ kind: "save_server", ...server }),
        models: (server) => this.models("", server),
      },
      signal,
    );
    this.removing = new RemoveDialog((name) => void this.ask({ kind: "remove_server", name }), signal);
    this.servers = new Servers(
      {
        add: () => store.view && this.form.open(store.view, null),
        edit: (server) => store.view && this.form.open(store.view, server),
        remove: (server) => this.removing.open(server),
        copy: (server) => void this.copy(server.url),
        test: (name) => void this.ask({ kind: "test_server", name }),
        stop: (name) => void this.ask({ kind: "stop_test", name }),
        close: (name) => void this.ask({ kind: "close_test", name }),
        look: () => void this.ask({ kind: "look_for_servers" }),
        connect: ({ url, name }) => void this.ask({ kind: "save_server", url, name, key: null, model: null, replaces: null }),
      },
      this.menu,
    );
    const who = new WhoAnswers(doing, signal);
    const memory = new Memory(doing);
    const presets = new Presets(doing, signal);
    const downloads = new DownloadLimits(doing);
    const privacy = new Privacy(doing);
    const carrying = new Carrying(doing);
    this.sections = [this.problem, this.servers, who, memory, presets, downloads, privacy, carrying];
    const tabs = new Tabs([
      ["Servers", "", [this.servers, who]], ["Models", " and memory", [memory]], ["Presets", "", [presets]],
      ["Downloads", "", [downloads]], ["Privacy", "", [privacy]], ["Export", ", import", [carrying]],
    ]);
    const parts = [this.problem.element, tabs.element, this.menu.element, this.form.element, this.removing.element, presets.dialog.element];
    this.panel = new Panel("Settings", "wb-settings", parts, () => this.paint(), signal);
    this.element = this.panel.element;
    store.subscribe(() => this.panel.schedule(), signal);
    this.paint();
  }

  private async ask(request: SettingsRequest, quiet = false): Promise<Ack> {
    const ack = await this.store.request(request);
    if (!quiet || ack.ok) this.panel.notice.refusal(ack.ok ? null : ack.error);
    return ack;
  }

  private async models(text: string, server: string | null): Promise<ChoiceView[]> {
    const ack = await this.ask({ kind: "find_models", text, server });
    return ack.ok ? (ack.data as ChoiceView[]) : [];
  }

  private async copy(address: string): Promise<void> {
    const done = await copyText(address);
    this.panel.notice.word(done ? `Copied: \`${address}\`` : `\`${address}\``);
  }

  private paint(): void {
    const { view, live } = this.store;
    this.panel.setLive(live);
    this.element.classList.toggle("wb-connecting", !view);
    if (!view) return;
    this.panel.setSession(view.id);
    for (const section of this.sections) section.update(view);
    this.form.update(view);
    this.panel.notice.session(view.notice);
    this.announce(view);
  }

  /** The end of a test, never its steps. */
  private announce(view: SettingsView): void {
    for (const { id, test } of view.rows) {
      const before = this.tests.get(id) ?? false;
      this.tests.set(id, test?.running ?? false);
      const wrong = test?.steps.find((step) => step.ok === false);
      if (test && before && !test.running) this.panel.say(`${id}: ${wrong?.message ?? test.summary}`);
    }
  }
}

/** The names of the sections, and the one that is open: arrows move between them. */
class Tabs {
  readonly element: HTMLElement;
  private readonly nav = h("div", { class: "wb-nav", role: "tablist", "aria-orientation": "vertical", "aria-label": "Settings" });
  private readonly tabs: HTMLButtonElement[];
  private readonly panels: HTMLElement[];

  /** Each a name, words that go where it is narrow, and what it holds. */
  constructor(sections: [string, string, Section[]][]) {
    const id = `wb-settings-${++numbered}`;
    this.tabs = sections.map(([name, more], at) => {
      const attributes = { type: "button", role: "tab", id: `${id}-t${at}`, "aria-controls": `${id}-p${at}`, "aria-label": name + more };
      const tab = h("button", attributes, name, h("span", { class: "wb-hn" }, more));
      tab.addEventListener("click", () => this.open(at));
      return tab;
    });
    this.panels = sections.map(([, , held], at) =>
      h("div", { class: "wb-pnl", role: "tabpanel", id: `${id}-p${at}`, "aria-labelledby": `${id}-t${at}` }, ...held.map((each) => each.element)),
    );
    this.nav.append(...this.tabs);
    this.nav.addEventListener("keydown", (event) => this.key(event));
    this.element = h("div", { class: "wb-wrap" }, this.nav, ...this.panels);
    this.open(0);
  }

  private open(chosen: number): void {
    for (const [at, tab] of this.tabs.entries()) {
      setAttribute(tab, "aria-selected", String(at === chosen));
      tab.tabIndex = at === chosen ? 0 : -1;
      show(this.panels[at]!, at === chosen);
    }
    this.tabs[chosen]!.scrollIntoView?.({ block: "nearest", inline: "nearest" });
  }

  private key(event: KeyboardEvent): void {
    const at = this.tabs.indexOf(document.activeElement as HTMLButtonElement);
    const count = this.tabs.length;
    const to: Record<string, number> = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1 + count, ArrowLeft: at - 1 + count, Home: 0, End: count - 1 };
    if (at < 0 || !(event.key in to)) return;
    event.preventDefault();
    const next = to[event.key]! % count;
    this.open(next);
    this.tabs[next]!.focus();
  }
}

/** Says what goes with a server before it is forgotten. */
class RemoveDialog {
  readonly element: HTMLElement;
  private readonly dialog: Dialog;
  private readonly words = h("p", { class: "wb-t2" });
  private readonly keep: HTMLButtonElement;
  private name = "";

  constructor(remove: (name: string) => void, signal: AbortSignal) {
    this.dialog = new Dialog("alertdialog", () => this.dialog.close(), signal);
    this.element = this.dialog.element;
    this.keep = textButton("Keep", "", () => this.dialog.close());
    const go = textButton("Remove", "wb-dan", () => {
      this.dialog.close();
      remove(this.name);
    }, "trash");
    this.dialog.body.append(this.words);
    this.dialog.foot.append(this.keep, go);
  }

  open(server: ServerRow): void {
    this.name = server.id;
    this.dialog.setTitle(`Remove ${server.id}?`);
    const key = server.own_key ? ` Its key (${server.key}) is forgotten too.` : "";
    setText(this.words, `Its models leave the list; chats that named one fall back, and say so.${key} The server itself is not touched.`);
    this.dialog.open(() => this.keep);
  }
}
