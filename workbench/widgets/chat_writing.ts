// Where the messages of a chat are written: the composer, the prompts that are kept, and the form that fills them in.
import { Attachments } from "./chat_attach";
import { ModeButton } from "./chat_mode";
import { FillForm, Prompts } from "./chat_prompts";
import { Composer, type ComposerEvents } from "./composer";
import { show } from "./dom";
import { optionsLine } from "./option_words";
import type { Ack, ChatView, ErrorInfo, Request } from "./protocol";

export interface WritingEvents extends Omit<ComposerEvents, "send"> {
  ask(request: Request): Promise<Ack>;
  send(text: string, interrupt?: boolean, variables?: Record<string, string>): void;
  /** Asks for the name to keep a prompt under. */
  savePrompt(text: string): void;
  /** Shows why something is not taken. */
  refuse(error: ErrorInfo): void;
}

export class Writing {
  readonly elements: HTMLElement[];
  private readonly prompts: Prompts;
  private readonly composer: Composer;
  private readonly mode: ModeButton;
  private readonly attachments: Attachments;
  private readonly fill: FillForm;

  constructor(events: WritingEvents, signal: AbortSignal) {
    this.prompts = new Prompts(
      {
        ask: (request) => events.ask(request),
        write: (text) => this.composer.write(text),
        fill: (prompt) => this.fill.open(prompt),
        save: () => events.savePrompt(this.draft),
      },
      () => this.draft,
      signal,
    );
    this.composer = new Composer(events, this.prompts.button, signal);
    this.mode = new ModeButton((request) => events.ask(request), (...shown) => events.menu(...shown));
    this.prompts.button.after(this.mode.element);
    this.attachments = new Attachments({
      ask: (request) => events.ask(request),
      menu: (...shown) => events.menu(...shown),
      refuse: (error) => events.refuse(error),
      focus: () => this.composer.focus(),
    });
    this.prompts.button.before(this.attachments.button);
    this.composer.element.firstElementChild!.prepend(this.attachments.tray);
    this.fill = new FillForm((request) => events.ask(request), (text, variables) => events.send(text, false, variables), signal);
    this.elements = [this.composer.element, this.prompts.element, this.fill.element];
  }

  /** Takes files that are dropped anywhere in `root`, and what is pasted where messages are written. */
  takeFiles(root: HTMLElement, signal: AbortSignal): void {
    this.attachments.listen(root, this.composer.element, signal);
  }

  get draft(): string {
    return this.composer.draft;
  }

  /** Puts words back that were not sent. */
  restore(text: string): void {
    this.composer.restore(text);
  }

  /** Without a kernel (`live` false) nothing can be written. */
  setLive(live: boolean): void {
    show(this.composer.element, live);
  }

  update(view: ChatView, live: boolean): void {
    const running = view.run !== null;
    this.prompts.update(view.prompts);
    this.mode.update(view);
    this.attachments.update(view.attachments);
    this.composer.update({
      running,
      usable: live,
      placeholder: running ? "Write the next message; it waits its turn" : `Message ${view.model?.name ?? ""}`.trim(),
      first: view.messages.length === 0,
      options: [view.preset, optionsLine(view.options)].filter(Boolean).join(": "),
    });
  }
}
