// Where the messages of a chat are written: the composer, the prompts that are kept, and the form that fills them in.
import { FillForm, Prompts } from "./chat_prompts";
import { Composer, type ComposerEvents } from "./composer";
import { show } from "./dom";
import { optionsLine } from "./option_words";
import type { Ack, ChatView, Request } from "./protocol";

export interface WritingEvents extends Omit<ComposerEvents, "send"> {
  ask(request: Request): Promise<Ack>;
  send(text: string, interrupt?: boolean, variables?: Record<string, string>): void;
  /** Asks for the name to keep a prompt under. */
  savePrompt(text: string): void;
}

export class Writing {
  readonly elements: HTMLElement[];
  private readonly prompts: Prompts;
  private readonly composer: Composer;
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
    this.fill = new FillForm((request) => events.ask(request), (text, variables) => events.send(text, false, variables), signal);
    this.elements = [this.composer.element, this.prompts.element, this.fill.element];
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
    this.composer.update({
      running,
      usable: live,
      placeholder: running ? "Write the next message; it waits its turn" : `Message ${view.model?.name ?? ""}`.trim(),
      first: view.messages.length === 0,
      options: [view.preset, optionsLine(view.options)].filter(Boolean).join(": "),
    });
  }
}
