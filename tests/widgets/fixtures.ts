// Values the widget tests share: a chat, its messages and models, and a fake of what anywidget hands over.
import type { ChatView, Command, MessageView, ModelView } from "../../workbench/widgets/protocol";

export function model(id: string, changes: Partial<ModelView> = {}): ModelView {
  const local = !id.includes(":");
  return {
    id, name: id.replace(/^.*[/:]/, ""), provider: local ? "local" : id.split(":")[0]!, engine: local ? "mlx" : null,
    size: null, context_length: 2048, status: "ready", note: "", local, percent: null, ...changes,
  };
}

export function message(id: string, changes: Partial<MessageView> = {}): MessageView {
  return {
    id, role: "assistant", model: "builtin", text: "", reasoning: "", reasoning_s: null, status: "done", run: null,
    position: null, load: null, prefill: null, notes: [], error: null, tools: [], usage: null, metrics: null,
    live_tps: null, tokens: 0, finish: null, schema: null, parent: null, created: 0, edited: false, files: [], scored: false, no_branch: "",
    place: { index: 1, count: 1, previous: null, next: null }, ...changes,
  };
}

export function chatView(changes: Partial<ChatView> = {}): ChatView {
  const builtin = model("builtin");
  return {
    chat: "c1", model: builtin, models: [builtin], servers: [], listing: false, messages: [], run: null,
    run_message: null, context: { used: 0, reserved: null, limit: 2048 }, consent: null, notice: null,
    too_big: null, title: "", private: false, kept: true, history_problem: null, system: "", options: {}, ranges: [],
    presets: [], preset: null, prompts: [], preview: null, overflow: null, mode: "act", tools: [], attachments: [],
    ...changes,
  };
}

/** A model without a kernel: keeps what was sent, and plays messages to whoever listens. */
export class FakeModel {
  readonly sent: Command[] = [];
  widget_manager: unknown = undefined;
  private readonly listeners = new Map<string, Set<(...args: never[]) => void>>();

  get(): unknown {
    return undefined;
  }
  send(command: unknown): void {
    this.sent.push(command as Command);
  }
  on(event: string, callback: (...args: never[]) => void): void {
    if (!this.listeners.has(event)) this.listeners.set(event, new Set());
    this.listeners.get(event)!.add(callback);
  }
  off(event: string, callback: (...args: never[]) => void): void {
    this.listeners.get(event)?.delete(callback);
  }
  emit(event: string, value?: unknown): void {
    for (const callback of this.listeners.get(event) ?? []) (callback as (value: unknown) => void)(value);
  }
  count(event: string): number {
    return this.listeners.get(event)?.size ?? 0;
  }
}

/** jsdom has no layout: the parts of it that the widgets lean on. */
export function fakeLayout(): void {
  globalThis.ResizeObserver ??= class {
    observe(): void {}
    unobserve(): void {}
    disconnect(): void {}
  };
  globalThis.CSS ??= { escape: (text: string) => text } as typeof CSS;
}

/** Resolves when the next frame was painted. */
export function frame(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
}

/** Waits for a condition, and fails loudly when it does not come. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 3000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`);
    await frame();
  }
}
