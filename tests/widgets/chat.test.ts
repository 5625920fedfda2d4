import { key, shown, visible, write } from "./chat_fixture";
import { fakeLayout, frame, message, model, until } from "./fixtures";

fakeLayout();

const question = message("u1", { role: "user", model: null, text: "Hello?" });

test("it says hello once, whatever the number of views", async () => {
  const { fake, elements } = await shown({ messages: [question] }, 2);
  expect(fake.sent.map((command) => command.kind)).toEqual(["hello"]);
  for (const el of elements) expect(el.querySelector("article")!.textContent).toContain("Hello?");
});

test("two views show one stream", async () => {
  const { elements, delta } = await shown({ messages: [question] }, 2);
  await delta(["message", message("a1", { status: "writing" })], ["text", "a1", "Hi **there**"], ["state", { run: "r", run_message: "a1" }]);
  for (const el of elements) expect(el.querySelector(".wb-answer > .wb-md")!.innerHTML).toContain("Hi <strong>there</strong>");
});

test("Enter sends, Shift-Enter does not, an empty box sends nothing", async () => {
  const { find, fake, last } = await shown();
  const box = find<HTMLTextAreaElement>("textarea");
  key(box, "Enter");
  write(box, "  \n ");
  key(box, "Enter");
  expect(fake.sent).toHaveLength(1);
  write(box, "Hello");
  expect(key(box, "Enter", { shiftKey: true }).defaultPrevented).toBe(false);
  expect(fake.sent).toHaveLength(1);
  key(box, "Enter");
  expect(last()).toMatchObject({ kind: "send", text: "Hello" });
  expect(box.value).toBe("");
});

test("Enter that ends a composition (Japanese, Chinese) does not send", async () => {
  const { find, fake } = await shown();
  const box = find<HTMLTextAreaElement>("textarea");
  write(box, "にほん");
  key(box, "Enter", { isComposing: true });
  expect(fake.sent).toHaveLength(1);
});

test("a refused message comes back into the box, and the reason stands above it", async () => {
  const { find, fake, last } = await shown();
  const box = find<HTMLTextAreaElement>("textarea");
  write(box, "Hello");
  key(box, "Enter");
  const error = { kind: "OptionError", message: "top-k is too large.", next_step: "Take 40.", details: "", retryable: false };
  fake.emit("msg:custom", { kind: "ack", id: last().id, ok: false, error });
  await until(() => box.value === "Hello", "the words came back");
  expect(visible(find(".wb-notice"))).toBe(true);
  expect(find(".wb-notice .wb-grow").textContent).toBe("top-k is too large. Take 40.");
});

test("Stop stands where Send stood, and Escape stops as well", async () => {
  const { find, delta, last, fake } = await shown({ messages: [question] });
  expect([visible(find(".wb-sendb")), visible(find(".wb-stopb"))]).toEqual([true, false]);
  await delta(["message", message("a1", { status: "writing", run: "r7" })], ["state", { run: "r7", run_message: "a1" }]);
  expect([visible(find(".wb-sendb")), visible(find(".wb-stopb"))]).toEqual([false, true]);
  find(".wb-stopb").click();
  expect(last()).toMatchObject({ kind: "stop", run: "r7" });
  const before = fake.sent.length;
  key(find("textarea"), "Escape");
  expect(fake.sent).toHaveLength(before + 1);
});

test("no key leaves the widget", async () => {
  const { el, find } = await shown({ messages: [question] });
  const leaked: string[] = [];
  for (const kind of ["keydown", "keypress", "keyup", "paste", "copy", "cut", "drop"]) {
    el.addEventListener(kind, (event) => leaked.push(event.type));
    for (const target of ["textarea", "article", ".wb-pick", ".wb-chat"]) {
      const made = kind.startsWith("key") ? new KeyboardEvent(kind, { key: "d", bubbles: true }) : new Event(kind, { bubbles: true });
      find(target).dispatchEvent(made);
    }
  }
  expect(leaked).toEqual([]);
});

test("the status line and the answer say what is measured, and nothing that is not", async () => {
  const { find, delta } = await shown({ messages: [question], context: { used: 1740, reserved: 256, limit: 2048 } });
  expect(find(".wb-ft").textContent).not.toMatch(/first token|tok\/s/);
  const usage = { prompt_tokens: 1980, cached_tokens: 1806, completion_tokens: 412, reasoning_tokens: null };
  const metrics = { load_s: null, ttft_s: 0.02, prefill_tps: null, decode_tps: 61.34, total_s: null, peak_memory: null, batch: null };
  await delta(["message", message("a1", { text: "x", usage, metrics, tokens: 412, finish: "stop" })]);
  for (const words of ["Ready", "first token 0.02 s", "61.3 tok/s", "1,980 in, 1,806 cached", "412 out", "1.7k of 2k", "nearly full"]) {
    expect(find(".wb-ft").textContent).toContain(words);
  }
  expect(find("article:last-child .wb-m").textContent).toBe("412 tokens61.3 tok/sfirst token 0.02 s");
  expect(find(".wb-sr").textContent).toBe("done, 412 tokens");
});

test("loading, reading and waiting are said where the answer will stand", async () => {
  const { find, delta, last } = await shown({ messages: [question] });
  await delta(["message", message("a1", { status: "loading", load: { done: 1.1e9, total: 1.8e9 } })], ["state", { run: "r", run_message: "a1" }]);
  expect(find(".wb-loadc").textContent).toContain("1.1 of 1.8 GB read into memory");
  expect(find("[role=progressbar]").getAttribute("aria-valuenow")).toBe("61");
  expect(find(".wb-state").textContent).toBe("Loading 61 %");
  await delta(["patch", "a1", { status: "prefill", load: null, prefill: { done: 512, total: 1500 } }]);
  expect(visible(find(".wb-loadc"))).toBe(false);
  expect(find(".wb-wait").textContent).toContain("Reading the prompt: 512 of 1,500 tokens");
  await delta(["message", message("a2", { status: "queued", position: 1, run: "r2" })]);
  const waiting = find("article:last-child .wb-wait");
  expect(waiting.textContent).toContain("Waits, 1 before it");
  waiting.querySelector("button")!.click();
  expect(last()).toMatchObject({ kind: "stop", run: "r2" });
});

test("an error keeps the text, says why and what next, and Retry asks for that answer again", async () => {
  const error = { kind: "StreamCutError", message: "The server closed the connection.", next_step: "Retry asks again.", details: "log end", retryable: true };
  const { find, last } = await shown({ messages: [question, message("a1", { status: "failed", text: "The three", tokens: 9, error })] });
  expect(find(".wb-answer > .wb-md").textContent).toBe("The three");
  const note = find("article .wb-err");
  expect(note.textContent).toContain("The answer broke off after 9 tokens: The server closed the connection. Retry asks again.");
  const [force, retry, details] = note.querySelectorAll("button");
  expect(visible(force!)).toBe(false);
  details!.click();
  expect(visible(note.querySelector<HTMLElement>(".wb-details")!)).toBe(true);
  retry!.click();
  expect(last()).toMatchObject({ kind: "regenerate", message: "a1" });
});

const tooBig = {
  kind: "ModelTooBigError", message: "org/huge does not fit: it needs about 42.0 GB.",
  next_step: "Choose a smaller model, or load it anyway with `force=True`.", details: "", retryable: false,
};

test("a model that does not fit is loaded anyway when asked, and the question is asked again", async () => {
  const failed = message("a1", { status: "failed", model: "org/huge", error: tooBig });
  const { fake, find } = await shown({ messages: [question, failed] });
  const note = find("article .wb-err");
  expect(note.textContent).toContain("Too big for this machine: org/huge does not fit");
  const [force] = note.querySelectorAll("button");
  expect([force!.textContent, visible(force!)]).toEqual(["Load anyway", true]);
  force!.click();
  expect(fake.sent.slice(-2)).toMatchObject([
    { kind: "choose_model", model: "org/huge", force: true },
    { kind: "regenerate", message: "a1" },
  ]);
});

test("a chosen model that does not fit can be loaded anyway from the notice", async () => {
  const { find, last, delta } = await shown();
  await delta(["state", { notice: tooBig, too_big: "org/huge" }]);
  const force = find<HTMLButtonElement>(".wb-notice button");
  expect([force.textContent, visible(force)]).toEqual(["Load anyway", true]);
  force.click();
  expect(last()).toMatchObject({ kind: "choose_model", model: "org/huge", force: true });
  await delta(["state", { notice: { ...tooBig, kind: "EngineError" }, too_big: null }]);
  expect(visible(find(".wb-notice"))).toBe(true);
  expect(visible(force)).toBe(false);
});

test("thinking stays closed, says how long it took, and is drawn when opened", async () => {
  const { find, delta } = await shown({ messages: [question] });
  await delta(["message", message("a1", { status: "thinking", reasoning: "Let me *see*" })]);
  const thinking = find<HTMLDetailsElement>("details");
  expect([thinking.open, thinking.querySelector("summary")!.textContent]).toEqual([false, "Thinking…"]);
  await delta(["patch", "a1", { status: "done", reasoning_s: 1.6, text: "Yes" }]);
  expect(thinking.querySelector("summary")!.textContent).toBe("Thought for 1.6 s");
  thinking.open = true;
  await until(() => thinking.querySelector("em") !== null, "the thoughts were drawn");
});

test("arrows move between messages, one stop for Tab; C copies and R asks again", async () => {
  const copied: string[] = [];
  Object.defineProperty(navigator, "clipboard", { configurable: true, value: { writeText: async (text: string) => void copied.push(text) } });
  const { el, find, last } = await shown({ messages: [question, message("a1", { text: "one" }), message("a2", { text: "two" })] });
  const articles = [...el.querySelectorAll<HTMLElement>("article")];
  expect(articles.map((article) => article.tabIndex)).toEqual([-1, -1, 0]);
  articles[2]!.focus();
  key(articles[2]!, "ArrowUp");
  expect(document.activeElement).toBe(articles[1]);
  expect(articles.map((article) => article.tabIndex)).toEqual([-1, 0, -1]);
  key(articles[1]!, "c");
  await until(() => copied.length === 1, "it was copied");
  expect(copied).toEqual(["one"]);
  key(articles[1]!, "r");
  expect(last()).toMatchObject({ kind: "regenerate", message: "a1" });
  key(articles[1]!, "End");
  key(articles[2]!, "r");
  expect(last()).toMatchObject({ kind: "regenerate", message: "a2" });
  key(articles[2]!, "c", { ctrlKey: true });
  expect(copied).toHaveLength(1);
  expect(visible(find("textarea"))).toBe(true);
});

test("the switch jumps to the model of that kind that was used last, else the first; with none it shows how", async () => {
  const models = [model("builtin"), model("org/b"), model("ollama:a"), model("ollama:b")];
  const { find, delta, last } = await shown({ models, model: models[1]! });
  const [local, remote] = find(".wb-hd").querySelectorAll<HTMLElement>(".wb-seg:not(.wb-only-n) [role=radio]");
  remote!.click();
  expect(last()).toMatchObject({ kind: "choose_model", model: "ollama:a" });
  await delta(["state", { model: models[3]! }]);
  local!.click();
  expect(last()).toMatchObject({ kind: "choose_model", model: "org/b" });
  await delta(["state", { models: models.slice(0, 2), model: models[0]! }]);
  remote!.click();
  expect(visible(find(".wb-picker"))).toBe(true);
});

test("without a kernel the conversation stays, one line says so, and nothing can be sent", async () => {
  const { find, fake } = await shown({ messages: [question] });
  fake.emit("comm:close");
  await frame();
  await frame();
  expect(find("article").textContent).toContain("Hello?");
  expect(visible(find(".wb-nokernel"))).toBe(true);
  expect(visible(find(".wb-comp"))).toBe(false);
  expect(find<HTMLButtonElement>(".wb-pick").disabled).toBe(true);
  expect(visible(find('[aria-label="New chat"]'))).toBe(false);
});

test("an empty chat offers three questions; one press asks", async () => {
  const { el, last } = await shown();
  const suggestions = el.querySelectorAll<HTMLElement>(".wb-sug button");
  expect(suggestions).toHaveLength(3);
  suggestions[0]!.click();
  expect(last()).toMatchObject({ kind: "send", text: "What can the workbench do?" });
});

test("a view that is gone leaves nothing behind; the other one goes on", async () => {
  const { elements, ends, delta, fake, life } = await shown({ messages: [question] }, 2);
  ends[0]!();
  expect(elements[0]!.children).toHaveLength(0);
  await delta(["message", message("a1", { text: "still here" })]);
  expect(elements[1]!.textContent).toContain("still here");
  life.abort();
  expect(fake.count("msg:custom") + fake.count("comm:close")).toBe(0);
});

const waiting = { place: "api.openai.com", model: "openai:gpt-5", text: "Hello there" };

test("a message that would leave this machine asks first, in a bar above the composer", async () => {
  const { find, last, delta, el } = await shown({ consent: waiting });
  const bar = find(".wb-consent");
  expect(visible(bar)).toBe(true);
  expect(bar.classList.contains("wb-warn")).toBe(true);
  expect(bar.textContent).toContain("This message would go to api.openai.com. Send it there?Hello there");
  expect([...bar.querySelectorAll("button")].map((each) => each.textContent)).toEqual(["Send once", "Always for this server", "Keep here"]);
  const [once, always] = bar.querySelectorAll("button");
  once!.click();
  expect(last()).toMatchObject({ kind: "allow", always: false });
  always!.click();
  expect(last()).toMatchObject({ kind: "allow", always: true });
  await delta(["message", { ...question, id: "u9", text: "Hello there" }], ["state", { consent: null }]);
  expect(visible(bar)).toBe(false);
  expect(el.querySelector("textarea")!.value).toBe("");
});

test("a message kept here goes back into the composer, before what was written since", async () => {
  const { find, last, delta } = await shown({ consent: waiting });
  write(find<HTMLTextAreaElement>("textarea"), "and more");
  [...find(".wb-consent").querySelectorAll("button")].at(-1)!.click();
  expect(last().kind).toBe("refuse");
  await delta(["state", { consent: null }]);
  expect(find<HTMLTextAreaElement>("textarea").value).toBe("Hello there\nand more");
});

test("a fallback stands above the answer as a note with a warning sign", async () => {
  const note = { code: "fallback", message: "ollama:llama3 is away (nothing listens there); builtin answers.", model: "builtin" } as const;
  const { find } = await shown({ messages: [question, message("a1", { text: "Hi", notes: [note] })] });
  const shownNote = find(".wb-answer .wb-notes .wb-fb");
  expect(shownNote.textContent).toBe(note.message);
  expect(shownNote.compareDocumentPosition(find(".wb-answer .wb-md")) & Node.DOCUMENT_POSITION_FOLLOWING).toBeTruthy();
  expect(find(".wb-who").textContent).toBe("builtin");
});
