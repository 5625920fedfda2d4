// The copy that survives: after each turn the conversation is written, as plain HTML, into an output of its own.
// Only JupyterLab lets a widget do that. Elsewhere nothing happens here, and the kernel's own copy remains.
import { argumentLines, CALL_WORDS } from "./chat_tool";
import { spellOut } from "./invisible";
import { formattedLength, normalise, render } from "./markdown";
import { hasEnded } from "./message";
import type { PanesStore } from "./panes_protocol";
import type { CallView, ChatView, MessageView, Model } from "./protocol";
import type { ChatStore } from "./store";

export { hideCopy } from "./copies";

/** HTML and plain text together stay below this many bytes; the oldest turns give way. */
export const MOST_BYTES = 256 * 1024;
/** Kept free for the frame and the line that says what is missing. */
const ROOM_FOR_NOTES = 1024;
/** Most bytes that one character takes, in the HTML and the text together. */
const WORST_CASE = 12;
/** What keeps a page's MathJax away: in what a model wrote it would find commands that make links. */
const NO_MATHS = "tex2jax_ignore mathjax_ignore";
/** How long after a change the copy is written, in milliseconds. */
const SETTLE_MS = 250;

/** The part of JupyterLab's notebook model that is used. */
interface Output {
  data?: Record<string, unknown>;
  setData?(options: { data: Record<string, string> }): void;
}
interface List<T> {
  length: number;
  get(index: number): T;
}
interface Notebook {
  cells?: List<{ outputs?: List<Output> }>;
}

export interface Copy {
  html: string;
  text: string;
}

/** Writes the copy whenever a turn has ended, until `signal` is aborted. */
export function keepCopy(model: Model, store: ChatStore, signal: AbortSignal): void {
  const views = (): ChatView[] => (store.view ? [store.view] : []);
  const changed = keep(views, ([view]) => writeCopy(model, view!.chat, copyOf(view!)), signal);
  store.subscribe((change) => {
    if (change.what !== "message" || store.view?.run === null) changed();
  }, signal);
}

/** Writes one copy of chats side by side whenever all have answered, until `signal` is aborted. */
export function keepCopies(model: Model, store: PanesStore, signal: AbortSignal): void {
  const views = (): ChatView[] => store.views();
  const write = (): void => {
    const { panes, names, rows } = store.view!;
    const said = rows.map(({ id }): [string, ChatView] => [names[id] ?? "", store.pane(id).view!]);
    writeCopy(model, panes, copyOfPanes(panes, said), "panes");
  };
  const changed = keep(views, write, signal);
  store.subscribe(() => {
    if (views().every(({ run }) => run === null)) changed();
  }, signal);
}

/** Gives what is called after a change: once it is quiet, and none of the chats is being answered, they are written. */
function keep(views: () => ChatView[], write: (views: ChatView[]) => void, signal: AbortSignal): () => void {
  let timer = 0;
  let asked = 0;
  const writeSoon = async (): Promise<void> => {
    const mine = ++asked;
    const due = (): ChatView[] | null => {
      const now = views();
      const quiet = now.some(({ messages }) => messages.length > 0) && now.every(({ run }) => run === null);
      return mine === asked && !signal.aborted && quiet ? now : null;
    };
    for (const { messages } of due() ?? []) await renderAhead(messages, () => due() !== null);
    const now = due();
    if (!now) return;
    try {
      write(now);
    } catch (error) {
      console.debug("[workbench] the conversation could not be written into the notebook", error);
    }
  };
  signal.addEventListener("abort", () => clearTimeout(timer));
  return () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void writeSoon(), SETTLE_MS);
  };
}

/** Renders the answers that a copy will hold one by one while nothing else is to be done: all at once would be felt. */
async function renderAhead(messages: MessageView[], wanted: () => boolean): Promise<void> {
  let left = MOST_BYTES;
  for (const { role, text } of messages.toReversed()) {
    if (role === "assistant" && !rendered.has(text)) await idle();
    if (left <= 0 || !wanted()) return;
    left -= text.length + (role === "assistant" ? plainMarkdown(text).length : text.length);
  }
}

function idle(): Promise<void> {
  const later = window.requestIdleCallback ?? ((call: () => void) => setTimeout(call, 1)); // Safari has none
  return new Promise((resolve) => later(() => resolve()));
}

/** Puts the copy into every output that was made for this chat, or `of` what else; one that is up to date is left alone. */
export function writeCopy(model: Model, id: string, copy: Copy, of: "chat" | "panes" | "comparison" = "chat"): void {
  const manager = model.widget_manager as { context?: { model?: Notebook } } | undefined;
  const cells = manager?.context?.model?.cells;
  for (let i = 0; i < (cells?.length ?? 0); i++) {
    const outputs = cells!.get(i).outputs;
    for (let j = 0; j < (outputs?.length ?? 0); j++) {
      const output = outputs!.get(j);
      const html = asText(output.data?.["text/html"]);
      if (!html.includes(`data-wb-${of}="${id}"`) || html === copy.html) continue;
      output.setData?.({ data: { "text/html": copy.html, "text/plain": copy.text } });
    }
  }
}

function asText(value: unknown): string {
  return Array.isArray(value) ? value.join("") : typeof value === "string" ? value : "";
}

/** The conversation as self-contained HTML and as plain text, within `limit` bytes; turns are kept or left out whole. */
export function copyOf(view: ChatView, limit = MOST_BYTES): Copy {
  const { html, text } = turnsCopy(view, limit);
  return { html: `<div class="wb-static ${NO_MATHS}" data-wb-chat="${escape(view.chat)}">${html}</div>`, text };
}

/** The chats of panes, each with its name, one after another; they share the limit. */
export function copyOfPanes(panes: string, said: [string, ChatView][], limit = MOST_BYTES): Copy {
  const copies = said.map(([name, view]) => ({ name, ...turnsCopy(view, limit / said.length) }));
  const html = copies.map(({ name, html }) => `<h4>${escape(name)}</h4>${html}`).join("");
  return {
    html: `<div class="wb-static ${NO_MATHS}" data-wb-panes="${escape(panes)}">${html}</div>`,
    text: copies.map(({ name, text }) => `${name}\n\n${text}`).join("\n\n"),
  };
}

function turnsCopy(view: ChatView, limit: number): Copy {
  const turns = turnsOf(view.messages);
  const kept: Copy[] = [];
  let left = limit - ROOM_FOR_NOTES;
  for (const turn of turns.toReversed()) { // from the newest on: what does not fit is never rendered
    const copy = turnCopy(turn);
    left -= bytes(copy);
    if (left < 0) break;
    kept.unshift(copy);
  }
  if (kept.length === 0 && turns.length > 0) kept.push(shortened(view.messages[view.messages.length - 1]!, limit - ROOM_FOR_NOTES));
  const missing = turns.length - kept.length;
  const note = missing > 0 ? `Left out of this copy: the oldest ${missing} of ${turns.length} turns.` : "";
  const body = [note && `<p><em>${note}</em></p>`, ...kept.map((turn) => turn.html)].join("");
  return { html: body, text: [note, ...kept.map((turn) => turn.text)].filter(Boolean).join("\n\n") };
}

/** The messages by question: each with the answers to it. */
function turnsOf(messages: MessageView[]): MessageView[][] {
  const turns: MessageView[][] = [];
  for (const message of messages) {
    if (message.role === "user" || turns.length === 0) turns.push([message]);
    else turns[turns.length - 1]!.push(message);
  }
  return turns;
}

/** A question with the answers to it, as one piece. */
function turnCopy(messages: MessageView[]): Copy {
  const copies = messages.map(messageCopy);
  return { html: copies.map((copy) => copy.html).join(""), text: copies.map((copy) => copy.text).join("\n\n") };
}

function messageCopy(message: MessageView): Copy {
  const who = author(message);
  const body = message.role === "assistant" ? answerBody(message) : paragraph(message.text);
  const thoughts = message.reasoning
    ? `<details><summary>Thinking</summary>${plainMarkdown(message.reasoning)}</details>`
    : "";
  const above = message.notes.filter((note) => note.code === "fallback").map((note) => note.message);
  const rest = message.notes.filter((note) => note.code !== "fallback").map((note) => note.message);
  const below = [...rest, endOf(message)].filter(Boolean);
  const remark = (words: string): string => `<p><em>${escape(words)}</em></p>`;
  const files = message.files.map(({ name, kind }) => `${name} (${kind})`).join(", ");
  const attached = files ? `Attached: ${files}` : "";
  const html = [`<p><strong>${escape(who)}</strong></p>`, attached && remark(attached), ...above.map(remark), thoughts, body, ...below.map(remark)];
  return { html: html.join(""), text: [`${who}:`, attached, ...above, message.text, ...below].filter(Boolean).join("\n") };
}

/** The text of an answer, with the calls of functions where they belong. */
function answerBody({ text, tools }: MessageView): string {
  const first = plainMarkdown(text.slice(0, tools[0]?.at));
  return first + tools.map((tool, i) => callCopy(tool) + plainMarkdown(text.slice(tool.at, tools[i + 1]?.at))).join("");
}

function callCopy(tool: CallView): string {
  const blocks = [argumentLines(tool.arguments), tool.result ?? ""].filter(Boolean);
  const code = blocks.map((block) => `<pre><code>${escape(block)}</code></pre>`).join("");
  return `<details><summary>${escape(`Call of ${tool.name}: ${CALL_WORDS[tool.status][0]}`)}</summary>${code}</details>`;
}

function author(message: MessageView): string {
  return { user: "You", system: "System", assistant: message.model ?? "Answer" }[message.role];
}

/** A single message above the limit: its beginning as plain text, and a line that says so. */
function shortened(message: MessageView, room: number): Copy {
  const cut = "Too long to be kept whole; this is its beginning.";
  const words = message.text.slice(0, Math.floor(room / WORST_CASE));
  const who = author(message);
  const html = `<p><strong>${escape(who)}</strong></p><p><em>${cut}</em></p>${paragraph(words)}`;
  return { html, text: `${who}:\n${cut}\n${words}` };
}

function endOf(message: MessageView): string {
  if (message.status === "cancelled") return "Stopped.";
  if (message.status === "failed") return message.error?.message ?? "Failed.";
  return hasEnded(message) ? "" : "Not finished.";
}

function paragraph(text: string): string {
  return `<p>${escape(text).replace(/\n/g, "<br>")}</p>`;
}

/** Answers rendered before, by their text; as many as one copy can hold. */
const rendered = new Map<string, string>();
const MOST_RENDERED = 1000;

/** Markdown as HTML without classes or controls: what GitHub and nbconvert keep. */
function plainMarkdown(text: string): string {
  const known = rendered.get(text);
  if (known !== undefined) return known;
  const box = document.createElement("div");
  const source = normalise(text);
  const formatted = formattedLength(source);
  box.append(render(source.slice(0, formatted)));
  if (formatted < source.length) box.insertAdjacentHTML("beforeend", paragraph(source.slice(formatted)));
  spellOut(box);
  for (const image of box.querySelectorAll<HTMLElement>("span.wb-img")) {
    const link = document.createElement("a");
    link.href = image.dataset.src ?? "";
    link.textContent = image.textContent;
    image.replaceWith(link);
  }
  for (const element of box.querySelectorAll("*")) {
    for (const name of ["class", "tabindex", "target"]) element.removeAttribute(name);
  }
  const html = box.innerHTML;
  if (rendered.size > MOST_RENDERED) rendered.clear();
  rendered.set(text, html);
  return html;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

function bytes(copy: Copy): number {
  return new TextEncoder().encode(copy.html + copy.text).length;
}
