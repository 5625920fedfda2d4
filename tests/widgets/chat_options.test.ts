// Options, presets, prompts, preview, decisions about the context, and whether a chat is kept.
import { positionOf, valueAt } from "../../workbench/widgets/chat_option";
import { overflowWords } from "../../workbench/widgets/chat_overflow";
import { numbersOf } from "../../workbench/widgets/chat_preview";
import { contextWords } from "../../workbench/widgets/foot";
import { optionsLine } from "../../workbench/widgets/option_words";
import type { ChatView, OverflowView, RangeView } from "../../workbench/widgets/protocol";
import { button, key, shown, visible, write } from "./chat_fixture";
import { fakeLayout, message, until } from "./fixtures";

fakeLayout();

const range = (name: string, changes: Partial<RangeView> = {}): RangeView => ({
  name, kind: "number", min: 0, max: 5, step: 0.05, default: 0.7, off: null, supported: true, note: "", ...changes,
});
const RANGES = [
  range("temperature"),
  range("top_k", { kind: "integer", max: 32_000, step: 1, default: null, off: 0 }),
  range("seed", { kind: "integer", max: 2 ** 32 - 1, step: 1, default: null }),
  range("min_p", { max: 1, supported: false, note: "This server does not know it." }),
  range("stop", { kind: "strings", min: null, max: null, step: null, default: [] }),
  range("thinking", { kind: "flag", min: null, max: null, step: null, default: null }),
];

async function opened(state: Partial<ChatView> = {}) {
  const all = await shown({ ranges: RANGES, ...state });
  button(all.find(".wb-hd"), "Options").focus();
  button(all.find(".wb-hd"), "Options").click();
  const row = (name: string): HTMLElement => all.find(`[data-option="${name}"]`);
  return { ...all, row, drawer: all.find(".wb-drawer") };
}

test("the options open with the focus in them, and Escape gives it back", async () => {
  const { drawer, find, el } = await opened();
  expect(drawer.contains(document.activeElement)).toBe(true);
  expect(button(find(".wb-hd"), "Options").getAttribute("aria-expanded")).toBe("true");
  key(document.activeElement!, "Escape");
  expect(el.querySelector(".wb-drawer")).toBeNull();
  expect(document.activeElement).toBe(button(find(".wb-hd"), "Options"));
});

test("an option that is not set says so, and is never 0", async () => {
  const { row } = await opened();
  const number = row("temperature").querySelector<HTMLInputElement>("input[type=number]")!;
  expect([number.value, number.placeholder]).toEqual(["", "0.7"]);
  expect(row("temperature").querySelector("input[type=range]")!.getAttribute("aria-valuetext")).toBe("default, 0.7");
  expect(row("top_k").querySelector<HTMLInputElement>("input[type=number]")!.placeholder).toBe("default");
  expect(row("temperature").querySelector<HTMLElement>(".wb-ib")!.style.visibility).toBe("hidden");
});

test("a number typed or slid is sent with the whole set; its reset takes it out again", async () => {
  const { row, last, answer, delta } = await opened({ options: { seed: 1 } });
  write(row("temperature").querySelector<HTMLInputElement>("input[type=number]")!, "0", "change");
  expect(last()).toMatchObject({ kind: "set_options", options: { seed: 1, temperature: 0 } });
  await answer();
  await delta(["state", { options: { seed: 1, temperature: 0 } }]);
  write(row("top_k").querySelector<HTMLInputElement>("input[type=range]")!, "1000", "change");
  expect(last()).toMatchObject({ kind: "set_options", options: { seed: 1, temperature: 0, top_k: 32_000 } });
  await answer();
  await delta(["state", { options: { seed: 1, temperature: 0, top_k: 32_000 } }]);
  button(row("seed"), "Seed: back to the default").click();
  expect(last()).toMatchObject({ kind: "set_options", options: { temperature: 0, top_k: 32_000 } });
});

test("two quick changes both count", async () => {
  const { row, last } = await opened();
  write(row("temperature").querySelector<HTMLInputElement>("input[type=number]")!, "0.5", "change");
  write(row("seed").querySelector<HTMLInputElement>("input[type=number]")!, "7", "change");
  expect(last()).toMatchObject({ kind: "set_options", options: { temperature: 0.5, seed: 7 } });
});

test("what the kernel refuses is said at its field, and what was set stands there again", async () => {
  const { row, answer, find } = await opened({ options: { temperature: 0.3 } });
  const number = row("temperature").querySelector<HTMLInputElement>("input[type=number]")!;
  write(number, "9", "change");
  await answer(null, "temperature must be at least 0 and at most 5, not 9.");
  expect(row("temperature").querySelector("[role=alert]")!.textContent).toContain("at most 5, not 9");
  expect(number.value).toBe("0.3");
  expect(visible(find(".wb-notice"))).toBe(false);
});

test("what the model does not heed is disabled, with the reason", async () => {
  const { row } = await opened();
  expect([...row("min_p").querySelectorAll("input")].every((each) => each.disabled)).toBe(true);
  expect(row("min_p").textContent).toContain("This server does not know it.");
});

test("a seed has no slider; stop strings are chips; thinking has three states", async () => {
  const { row, last } = await opened({ options: { stop: ["###"] } });
  expect(visible(row("seed").querySelector<HTMLElement>("input[type=range]")!)).toBe(false);
  const stop = row("stop").querySelector<HTMLInputElement>("input[type=text]")!;
  stop.value = "\\n\\n";
  key(stop, "Enter");
  expect(last()).toMatchObject({ options: { stop: ["###", "\n\n"] } });
  button(row("stop"), "Remove ###").click();
  expect(last()).not.toHaveProperty("options.stop.0", "###");
  button(row("thinking"), "Off").click();
  expect(last()).toMatchObject({ options: { thinking: false } });
  const [unset] = row("thinking").querySelectorAll("[role=radio]");
  expect(unset!.getAttribute("aria-checked")).toBe("false");
});

test("the system prompt is sent when it is left", async () => {
  const { drawer, last, fake } = await opened({ system: "Be brief." });
  const box = drawer.querySelector("textarea")!;
  expect(box.value).toBe("Be brief.");
  const sent = fake.sent.length;
  write(box, "Be long.");
  expect(fake.sent).toHaveLength(sent);
  write(box, "Be long.", "change");
  expect(last()).toMatchObject({ kind: "set_system", text: "Be long." });
});

test("presets: used from a menu, saved by name, deleted", async () => {
  const presets = [{ name: "Precise", options: { temperature: 0 } }];
  const { drawer, find, last, delta, answer } = await opened({ presets, options: { temperature: 0.4 } });
  const open = drawer.querySelector<HTMLButtonElement>(".wb-opreset")!;
  expect(open.textContent).toBe("Your own");
  open.click();
  button(find(".wb-menu"), "PreciseTemperature 0").click();
  expect(last()).toMatchObject({ kind: "use_preset", name: "Precise" });
  open.click();
  button(find(".wb-menu"), "Save these as a preset…").click();
  const field = find<HTMLInputElement>('[aria-label="Save as a preset"]');
  expect(document.activeElement).toBe(field);
  field.value = "Mine";
  key(field, "Enter");
  expect(last()).toMatchObject({ kind: "save_preset", name: "Mine" });
  await answer(null, "There is a preset 'Mine' already.");
  await until(() => visible(field) && field.closest(".wb-dlg")!.textContent!.includes("already"), "it said why");
  await delta(["state", { options: { temperature: 0 }, preset: "Precise" }]);
  expect(open.textContent).toBe("Precise");
  expect(find(".wb-opts").textContent).toBe("Precise: Temperature 0");
  open.click();
  button(find(".wb-menu"), "Delete Precise").click();
  expect(last()).toMatchObject({ kind: "drop_preset", name: "Precise" });
});

test("sliders: ends are the limits, wide ranges are finer at their low end and give round numbers", () => {
  const temperature = range("temperature");
  expect([valueAt(temperature, 0), valueAt(temperature, 1000), valueAt(temperature, positionOf(temperature, 0.7))]).toEqual([0, 5, 0.7]);
  const tokens = range("max_tokens", { kind: "integer", min: 1, max: 131_072, step: 1 });
  expect([valueAt(tokens, 0), valueAt(tokens, 1000)]).toEqual([1, 131_072]);
  for (const value of [1, 12, 250, 4_100, 98_000]) expect(valueAt(tokens, positionOf(tokens, value)) / value).toBeCloseTo(1, 1);
  expect(valueAt(tokens, 500)).toBe(360);
});

test("the options in a line", () => {
  expect(optionsLine({})).toBe("");
  expect(optionsLine({ temperature: 0.2, thinking: false, stop: ["\n"] })).toBe('Temperature 0.2, thinking off, stop at "\\n"');
});

const PROMPTS = [
  { name: "Brief", text: "Answer in one sentence.", variables: [] },
  { name: "Explain", text: "Explain {topic} to {who}.", variables: ["topic", "who"] },
];

test("a prompt without variables goes into the message; one with variables is filled in and sent", async () => {
  const { find, last, answer } = await shown({ prompts: PROMPTS });
  const open = button(find(".wb-comp"), "Prompts");
  write(find<HTMLTextAreaElement>(".wb-comp textarea"), "Why?");
  open.focus();
  open.click();
  const [brief, explain] = find(".wb-prompts").querySelectorAll<HTMLElement>(".wb-popt");
  brief!.click();
  expect(find<HTMLTextAreaElement>(".wb-comp textarea").value).toBe("Why?\nAnswer in one sentence.");
  open.click();
  explain!.click();
  expect(last()).toMatchObject({ kind: "fill_prompt", text: "Explain {topic} to {who}." });
  await answer([{ name: "topic", value: "entropy" }, { name: "who", value: null }]);
  const topic = find<HTMLTextAreaElement>('textarea[aria-label="topic"]');
  const who = find<HTMLTextAreaElement>('textarea[aria-label="who"]');
  await until(() => topic.value === "entropy", "the notebook's value came");
  const form = topic.closest<HTMLElement>(".wb-dlg")!;
  expect(form.textContent).toContain("from the notebook");
  button(form, "Send").click();
  expect([form.querySelector("[role=alert]")!.textContent, document.activeElement === who]).toEqual(["Fill in who.", true]);
  write(who, "a child");
  key(who, "Enter");
  expect(last()).toMatchObject({ kind: "send", text: "Explain {topic} to {who}.", variables: { topic: "entropy", who: "a child" } });
});

test("the message is saved as a prompt, and a prompt deleted", async () => {
  const { find, last } = await shown({ prompts: PROMPTS });
  write(find<HTMLTextAreaElement>(".wb-comp textarea"), "Translate {text}.");
  button(find(".wb-comp"), "Prompts").focus();
  button(find(".wb-comp"), "Prompts").click();
  button(find(".wb-prompts"), "Delete Brief").click();
  expect(last()).toMatchObject({ kind: "drop_prompt", name: "Brief" });
  button(find(".wb-prompts"), "Save the message as a prompt…").click();
  const field = find<HTMLInputElement>('[aria-label="Save as a prompt"]');
  field.value = "Translate";
  key(field, "Enter");
  expect(last()).toMatchObject({ kind: "save_prompt", name: "Translate", text: "Translate {text}." });
});

test("what the model reads: shown where it was asked for, closed everywhere", async () => {
  const { elements, last, delta, find } = await shown({}, 2);
  write(find<HTMLTextAreaElement>(".wb-comp textarea"), "Hi");
  button(find(".wb-comp"), "What the model reads").focus();
  button(find(".wb-comp"), "What the model reads").click();
  expect(last()).toMatchObject({ kind: "preview", text: "Hi" });
  const preview = { busy: false, prompt: "<|user|>Hi", request: '{"messages": []}', tokens: 12, limit: 2048, reserved: 512, note: "" };
  await delta(["state", { preview }]);
  const dialogs = elements.map((el) => el.querySelector<HTMLElement>(".wb-prev")!);
  expect(dialogs.map(visible)).toEqual([true, false]);
  expect(dialogs[0]!.textContent).toBe("<|user|>Hi");
  const box = dialogs[0]!.closest<HTMLElement>(".wb-dlg")!;
  expect(box.textContent).toContain("12 of 2,048 tokens; 512 left for the answer");
  button(box, "Request").click();
  expect(dialogs[0]!.textContent).toBe('{"messages": []}');
  key(box, "Escape");
  expect(last().kind).toBe("close_preview");
  expect(visible(dialogs[0]!)).toBe(false);
});

test("an unknown count is said to be unknown", () => {
  const preview = { busy: false, prompt: null, request: "{}", tokens: null, limit: 2048, reserved: null, note: "" };
  expect(numbersOf(preview)).toBe("The count is known once it was answered.");
});

const overflow: OverflowView = {
  text: "A long message", tokens: 35_516, limit: 32_768, reserved: 512,
  choices: [
    { choice: "drop", words: "Leave the oldest 4 turns out.", able: true },
    { choice: "raise", words: "The context is set at its server.", able: false },
  ],
};

test("a message that would not fit is decided on: what is too much, the ways out, those closed with their reason", async () => {
  const { find, last, delta } = await shown({ messages: [message("u1", { role: "user" })], overflow });
  const bar = find(".wb-over");
  expect(bar.classList.contains("wb-warn")).toBe(true);
  expect(bar.textContent).toContain("3,260 tokens too many for a context of 32,768, of which 512 stay free for the answer.");
  expect(button(bar, "Raise the context").disabled).toBe(true);
  expect(bar.textContent).toContain("The context is set at its server.");
  button(bar, "Leave out the oldest").click();
  expect(last()).toMatchObject({ kind: "overflow", choice: "drop" });
  button(bar, "Not now").click();
  expect(last()).toMatchObject({ kind: "overflow", choice: "cancel" });
  await delta(["state", { overflow: null }]);
  expect(visible(bar)).toBe(false);
  expect(find<HTMLTextAreaElement>(".wb-comp textarea").value).toBe(""); // it stands in the transcript
  expect(overflowWords({ ...overflow, limit: null })[0]).toBe("Too long");
});

test("the context meter says what is used and what is kept free", async () => {
  const { find, delta } = await shown({ messages: [message("a1")], context: { used: 100, reserved: 300, limit: 1000 } });
  const meter = find("[role=meter]");
  expect(meter.getAttribute("aria-valuetext")).toBe("100 of 1,000 tokens of context used, 300 kept free for the answer");
  expect(visible(find(".wb-ctx .wb-warn"))).toBe(false);
  await delta(["state", { context: { used: 850, reserved: 150, limit: 1000 } }]);
  expect(meter.getAttribute("aria-valuetext")).toBe("850 of 1,000 tokens of context used");
  expect(visible(find(".wb-ctx span.wb-warn"))).toBe(true);
  expect(contextWords(null, null, 2048)).toBe("An unknown number of 2,048 tokens of context used");
  expect(contextWords(null, null, null)).toBeNull();
});

test("the head: title, private badge, history below, renaming, export", async () => {
  const { find, last, delta, answer } = await shown({ messages: [message("a1", { text: "x" })], title: "Entropy" });
  expect(find(".wb-ctitle").textContent).toBe("Entropy");
  expect(visible(find(".wb-hd .wb-bdg"))).toBe(false);
  await delta(["state", { private: true, kept: false }]);
  expect(find(".wb-hd .wb-bdg").title).toBe("Private: not kept");
  button(find(".wb-hd"), "History").click();
  expect(find(".wb-notice").textContent).toContain("wb.history()");
  find(".wb-ctitle").focus();
  find(".wb-ctitle").click();
  const field = find<HTMLInputElement>('[aria-label="Rename this chat"]');
  expect(field.value).toBe("Entropy");
  field.value = "Heat";
  key(field, "Enter");
  expect(last()).toMatchObject({ kind: "set_title", title: "Heat" });
  await answer();
  button(find(".wb-hd"), "More").click();
  button(find(".wb-menu"), "Keep this chatin the history").click();
  expect(last()).toMatchObject({ kind: "set_private", private: false });
  const links: HTMLAnchorElement[] = [];
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    links.push(this);
  });
  URL.createObjectURL = () => "blob:1";
  button(find(".wb-hd"), "More").click();
  button(find(".wb-menu"), "Export as JSON").click();
  expect(last()).toMatchObject({ kind: "export", format: "json" });
  await answer({ name: "Entropy.json", text: "{}", media_type: "application/json" });
  await until(() => links.length === 1, "it was downloaded");
  expect([links[0]!.download, links[0]!.href]).toEqual(["Entropy.json", "blob:1"]);
});

test("a history that cannot be written to is said quietly, and can be put away", async () => {
  const problem = { kind: "HistoryError", message: "The disk is full.", next_step: "", details: "", retryable: true };
  const { el, delta } = await shown({ messages: [message("a1")], history_problem: problem });
  const note = [...el.querySelectorAll<HTMLElement>(".wb-notice")].find((each) => each.textContent!.includes("disk is full"))!;
  expect([visible(note), note.classList.contains("wb-err")]).toEqual([true, false]);
  button(note, "Dismiss").click();
  await delta(["state", { kept: true }]);
  expect(visible(note)).toBe(false);
});

test("a chat that another kernel deleted stays, says so, and can be kept again", async () => {
  const notice = { kind: "ChatNotFoundError", message: "This chat was deleted elsewhere.", next_step: "", details: "", retryable: false };
  const { find, last, delta } = await shown({ messages: [message("a1")], notice, kept: false });
  expect([visible(find(".wb-notice")), find(".wb-notice").classList.contains("wb-err")]).toEqual([true, false]);
  button(find(".wb-notice"), "Keep it again").click();
  expect(last()).toMatchObject({ kind: "set_private", private: false });
  await delta(["state", { notice: null, kept: true }]);
  expect(visible(find(".wb-notice"))).toBe(false);
});
