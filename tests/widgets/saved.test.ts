import { copyOf, hideCopy, keepCopy, writeCopy } from "../../workbench/widgets/saved";
import { ChatStore } from "../../workbench/widgets/store";
import { chatView, fakeLayout, FakeModel, message, until } from "./fixtures";

fakeLayout();

/** The part of JupyterLab's notebook that a widget can reach. */
function notebook(...htmls: unknown[]) {
  const outputs = htmls.map((html) => ({
    data: { "text/html": html } as Record<string, unknown>,
    writes: 0,
    setData(options: { data: Record<string, string> }) {
      this.data = options.data;
      this.writes += 1;
    },
  }));
  const list = <T>(items: T[]) => ({ length: items.length, get: (i: number) => items[i]! });
  return { outputs, manager: { context: { model: { cells: list([{}, { outputs: list(outputs) }]) } } } };
}

const question = (text: string) => message(`u${text}`, { role: "user", model: null, text });

test("the copy holds who said what, Markdown rendered, nothing that can be pressed", () => {
  const text = "# Hi\n\n```python\nx = 1\n```\n\n$a^2$ ![pic](https://example.org/p.png)";
  const { html, text: plain } = copyOf(chatView({ messages: [question("<b>?\nline"), message("a", { text })] }));
  const box = document.createElement("div");
  box.innerHTML = html;
  expect(box.querySelector('.wb-static[data-wb-chat="c1"]')).not.toBeNull();
  expect(box.textContent).toContain("You<b>?line");
  expect(box.querySelector("h1")!.textContent).toBe("Hi");
  expect(box.querySelector("pre code")!.textContent).toBe("x = 1\n");
  expect(box.querySelector("math msup")).not.toBeNull();
  expect(box.querySelector("button, img")).toBeNull();
  expect(box.querySelector<HTMLAnchorElement>("a")!.href).toBe("https://example.org/p.png");
  expect(plain).toContain("You:\n<b>?\nline");
});

test("the copy says what was stopped, what failed, and who answered instead", () => {
  const error = { kind: "X", message: "It broke.", next_step: "", details: "", retryable: true };
  const notes = [{ code: "fallback" as const, message: "Answered by builtin.", model: "builtin" }];
  const messages = [message("a", { status: "cancelled", text: "half", notes }), message("b", { status: "failed", error })];
  const { html } = copyOf(chatView({ messages }));
  for (const words of ["half", "Stopped.", "It broke.", "Answered by builtin."]) expect(html).toContain(words);
});

test("above the limit the oldest turns are left out whole, and a line says how many", () => {
  const messages = Array.from({ length: 6 }, (_, i) => [question(`q${i}`), message(`a${i}`, { text: `${i}`.repeat(500) })]).flat();
  const { html, text } = copyOf(chatView({ messages }), 4000);
  expect(html.length + text.length).toBeLessThanOrEqual(4000);
  expect(html).toContain("Left out of this copy: the oldest 4 of 6 turns.");
  expect(html).toContain("q4");
  expect(html).not.toContain("q3");
});

test("one message above the limit is cut, and says so", () => {
  const { html, text } = copyOf(chatView({ messages: [message("a", { text: "<ü>".repeat(100_000) })] }));
  expect(new TextEncoder().encode(html + text).length).toBeLessThanOrEqual(256 * 1024);
  expect(html).toContain("Too long to be kept whole");
});

test("it is written into the outputs of its own chat, and only when it differs", () => {
  const { outputs, manager } = notebook('<div data-wb-chat="c1"></div>', ['<div data-wb-chat="', 'other"></div>'], undefined);
  const model = Object.assign(new FakeModel(), { widget_manager: manager });
  const copy = copyOf(chatView({ messages: [question("hello")] }));
  writeCopy(model, "c1", copy);
  writeCopy(model, "c1", copy);
  expect(outputs.map((output) => output.writes)).toEqual([1, 0, 0]);
  expect(outputs[0]!.data["text/html"]).toContain("hello");
  expect(outputs[0]!.data["text/plain"]).toContain("hello");
});

test("it is written after each turn, not during one; elsewhere than in JupyterLab nothing happens", async () => {
  const { outputs, manager } = notebook('<div data-wb-chat="c1"></div>');
  for (const widget_manager of [manager, undefined, {}, { context: { model: { cells: { length: 3, get: () => null } } } }]) {
    const model = Object.assign(new FakeModel(), { widget_manager });
    const store = new ChatStore((command) => model.send(command));
    const life = new AbortController();
    keepCopy(model, store, life.signal);
    store.hello();
    const running = { run: "r", messages: [question("hello"), message("a", { status: "writing", text: "half" })] };
    store.receive({ kind: "snap", seq: 0, state: chatView(running) });
    await new Promise((resolve) => setTimeout(resolve, 400)); // longer than the copy waits for the chat to settle
    expect(outputs[0]!.writes).toBe(widget_manager === manager ? 0 : 1);
    store.receive({ kind: "delta", seq: 1, t: 0, ops: [["patch", "a", { text: "whole", status: "done" }], ["state", { run: null }]] });
    await until(() => outputs[0]!.writes === 1, "the copy was written");
    expect(outputs[0]!.data["text/html"]).toContain("whole");
    life.abort();
  }
});

test("the copy is hidden while a view lives, and shown when the last one is gone", () => {
  const first = new AbortController();
  const second = new AbortController();
  const copy = document.createElement("div");
  copy.dataset.wbChat = "c1";
  document.body.append(copy);
  hideCopy("c1", first.signal);
  hideCopy("c1", second.signal);
  expect(getComputedStyle(copy).display).toBe("none");
  first.abort();
  expect(getComputedStyle(copy).display).toBe("none");
  second.abort();
  expect(getComputedStyle(copy).display).toBe("block");
});

test("the note of a fallback stands above the answer, other remarks below it", () => {
  const notes = [
    { code: "option_ignored", message: "seed was ignored.", model: null },
    { code: "fallback", message: "ollama:llama3 is away; builtin answers.", model: "builtin" },
  ] as const;
  const { html, text } = copyOf(chatView({ messages: [question("hello"), message("a", { text: "Hi there", notes: [...notes] })] }));
  const places = ["builtin answers.", "Hi there", "seed was ignored."];
  for (const copy of [html, text]) expect(places.map((each) => copy.indexOf(each)).every((at, i, all) => i === 0 || at > all[i - 1]!)).toBe(true);
});
