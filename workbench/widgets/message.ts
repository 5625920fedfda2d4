// One message of the transcript as an element: a person's words, or an answer with all its states.
import { Actions, hasEnded, type Doing } from "./chat_actions";
import { sentFiles } from "./chat_attach";
import { Failure, noteElement, ProgressCard, Thinking } from "./chat_answer";
import { Editor } from "./chat_edit";
import { SchemaLine, schemaMarkdown } from "./chat_schema";
import { TokenView } from "./chat_tokens";
import { Calls } from "./chat_tool";
import { h, setAttribute, setText, show } from "./dom";
import { modelName } from "./format";
import { GrowingMarkdown } from "./growing";
import type { FileView, MessageView, Note } from "./protocol";

export { canRegenerate, hasEnded, type Doing } from "./chat_actions";

export interface MessageElement {
  readonly element: HTMLElement;
  /** Draws the message; `last` is true for the newest one, whose actions stay visible. */
  update(message: MessageView, last: boolean): void;
  /** Opens it to be written anew. */
  edit(): void;
  copy(): Promise<void>;
}

export function createMessage(message: MessageView, doing: Doing): MessageElement {
  return message.role === "assistant" ? new Answer(message, doing) : new Question(message, doing);
}

/** What both kinds have: an element, a row of actions, and an editor in the place of `words` while it is open. */
abstract class Shown implements MessageElement {
  readonly element: HTMLElement;
  protected readonly actions: Actions;
  protected message: MessageView;
  private editor: Editor | null = null;

  constructor(
    message: MessageView,
    style: string,
    protected readonly doing: Doing,
    /** What saving an edited message does. */
    private readonly saving: string,
  ) {
    this.message = message;
    this.element = h("article", { class: style, tabindex: -1 });
    this.actions = new Actions(message, doing, () => this.edit(), () => void this.toggleTokens());
  }

  /** The part that the editor replaces. */
  protected abstract get words(): HTMLElement;

  update(message: MessageView, last: boolean): void {
    this.message = message;
    this.actions.update(message, last);
  }

  copy(): Promise<void> {
    return this.actions.copyMessage();
  }

  edit(): void {
    if (this.editor || this.message.role === "system" || !hasEnded(this.message)) return;
    const save = async (text: string): Promise<boolean> =>
      (await this.doing.ask({ kind: "edit", message: this.message.id, text })).ok;
    this.editor = new Editor(this.message.text, this.saving, { save, close: () => this.closeEditor() });
    this.words.before(this.editor.element);
    this.element.classList.add("wb-editing");
    this.editor.open();
  }

  /** Draws the message as its tokens, or no longer. */
  protected async toggleTokens(): Promise<void> {}

  private closeEditor(): void {
    const inside = this.editor?.element.contains(document.activeElement);
    this.editor?.element.remove();
    this.editor = null;
    this.element.classList.remove("wb-editing");
    if (inside) this.element.focus({ preventScroll: true });
  }
}

class Question extends Shown {
  protected readonly words = h("div", { class: "wb-txt" });
  private readonly files = h("div", { class: "wb-files" });
  private drawn: FileView[] = [];

  constructor(message: MessageView, doing: Doing) {
    super(message, "wb-usr", doing, "Saving asks again; what was said stays beside it");
    setAttribute(this.element, "aria-label", message.role === "system" ? "System" : "You");
    const label = message.role === "system" ? h("div", { class: "wb-t3 wb-fs-s" }, "System prompt") : null;
    this.element.append(...(label ? [label] : []), this.files, this.words, this.actions.element);
  }

  override update(message: MessageView, last: boolean): void {
    super.update(message, last);
    setText(this.words, message.text);
    if (this.drawn !== message.files) this.files.replaceChildren(...sentFiles(message.files));
    this.drawn = message.files;
  }
}

class Answer extends Shown {
  private readonly who = h("b");
  private readonly before = h("div", { class: "wb-notes" });
  private readonly thinking = new Thinking();
  private readonly progress: ProgressCard;
  private readonly markdown = new GrowingMarkdown();
  private readonly calls: Calls;
  private readonly shape = new SchemaLine();
  private readonly after = h("div", { class: "wb-notes" });
  private readonly failure: Failure;
  private drawn: Note[] | null = null;
  private tokens: TokenView | null = null;

  constructor(message: MessageView, doing: Doing) {
    super(message, "wb-answer", doing, "Saving keeps your words as another version of the answer");
    const again = (): void => void doing.ask({ kind: "regenerate", message: message.id });
    const force = (): void => {
      if (this.message.model) void doing.ask({ kind: "choose_model", model: this.message.model, force: true });
      again(); // it waits for the load
    };
    this.progress = new ProgressCard((request) => void doing.ask(request));
    this.failure = new Failure(again, force);
    this.calls = new Calls((request) => doing.ask(request));
    this.element.append(
      h("div", { class: "wb-who" }, this.who),
      this.before,
      this.thinking.element,
      this.progress.element,
      this.markdown.element,
      this.calls.element,
      this.shape.element,
      this.after,
      this.failure.element,
      this.actions.element,
    );
  }

  protected get words(): HTMLElement {
    return this.markdown.element;
  }

  override update(message: MessageView, last: boolean): void {
    super.update(message, last);
    const name = modelName(message.model ?? "");
    setText(this.who, name);
    setAttribute(this.who, "title", message.model);
    setAttribute(this.element, "aria-label", name || "Answer");
    setAttribute(this.element, "aria-busy", hasEnded(message) ? null : "true");
    setAttribute(this.element, "data-status", message.status);
    if (this.drawn !== message.notes) this.drawNotes(message.notes);
    this.thinking.update(message);
    this.progress.update(message);
    const writing = message.status === "writing" || (message.status === "prefill" && !message.prefill);
    const called = message.tools.length > 0;
    const first = called ? message.text.slice(0, message.tools[0]!.at).trimEnd() : message.text;
    show(this.markdown.element, (writing && !called) || first !== "");
    this.markdown.update(called ? first : schemaMarkdown(first, message.schema, !hasEnded(message)), writing && !called);
    this.shape.update(message);
    this.calls.update(message, writing);
    this.failure.update(message);
    if (!message.scored || !hasEnded(message)) this.closeTokens();
    this.tokens?.update(message);
  }

  override edit(): void {
    this.closeTokens();
    super.edit();
  }

  protected override async toggleTokens(): Promise<void> {
    if (this.tokens) return this.closeTokens();
    const view = new TokenView(this.message, (request) => this.doing.ask(request), () => this.closeTokens());
    this.tokens = view;
    const there = await view.open();
    if (this.tokens !== view) return;
    if (!there) return this.closeTokens();
    this.words.before(view.element);
    this.element.classList.add("wb-tokened");
    this.actions.setTokensShown(true);
    view.focus();
  }

  private closeTokens(): void {
    if (!this.tokens) return;
    const inside = this.tokens.element.contains(document.activeElement);
    this.tokens.close();
    this.tokens.element.remove();
    this.tokens = null;
    this.element.classList.remove("wb-tokened");
    this.actions.setTokensShown(false);
    if (inside) this.element.focus({ preventScroll: true });
  }

  private drawNotes(notes: Note[]): void {
    this.drawn = notes;
    // What is known before the first word stands above the answer; what comes with its end must not push it down.
    this.before.replaceChildren(...notes.filter((note) => note.code !== "option_ignored").map(noteElement));
    this.after.replaceChildren(...notes.filter((note) => note.code === "option_ignored").map(noteElement));
  }
}
