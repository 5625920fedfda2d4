// An answer drawn as its tokens: shades, marks, alternatives, and another answer from one of them.
import { percent, stepOf } from "../../workbench/widgets/chat_tokens";
import type { TokenInfo } from "../../workbench/widgets/protocol";
import { button, key, shown, visible } from "./chat_fixture";
import { fakeLayout, message, until } from "./fixtures";

fakeLayout();

const token = (text: string, p: number | null, others: [string, number][] = [], more: Partial<TokenInfo> = {}): TokenInfo => {
  const chosen = others.findIndex(([other]) => other === text);
  return { text, p, thinking: false, chosen, others, ...more };
};
const TOKENS = [
  token("It", 0.98, [["It", 0.98], ["Well", 0.01]]),
  token(" is", 0.6, [[" is", 0.6], [" was", 0.3]]),
  token(" Rome", 0.04, [[" Paris", 0.9], ["", 0.02], ["\ufffd", 0.01]]),
  token(".\n", null),
];
const question = message("u1", { role: "user", model: null, text: "Where?" });
const answer = message("a1", { text: "It is Rome.\n", parent: "u1", scored: true });

/** The view of tokens, open. */
async function opened(tokens = TOKENS, state = {}) {
  const chat = await shown({ messages: [question, answer], ...state });
  button(chat.el, "Tokens").click();
  expect(chat.last()).toMatchObject({ kind: "read_tokens", message: "a1" });
  await chat.answer({ tokens, perplexity: 1.5 });
  await until(() => chat.el.querySelector(".wb-tok") !== null, "the tokens are drawn");
  const list = chat.find(".wb-tokl");
  const spans = [...list.querySelectorAll<HTMLElement>(".wb-tk")];
  const rows = (): HTMLButtonElement[] => [...chat.el.querySelectorAll<HTMLButtonElement>(".wb-tokp button")];
  return { ...chat, list, spans, rows };
}

test("an answer with tokens is drawn as them, and goes back to its words", async () => {
  const { el, find, spans, list } = await opened();
  expect(spans.map((span) => span.dataset.step)).toEqual(["0", "1", "4", "none"]);
  expect(spans.map((span) => span.textContent)).toEqual(["It", "·is", "·Rome", ".↵\n"]);
  expect(spans[2]!.getAttribute("aria-label")).toBe("“space Rome”, 4.0 %");
  expect(find(".wb-tokh").textContent).toContain("4 tokens, perplexity 1.50");
  expect(find(".wb-answer").classList.contains("wb-tokened")).toBe(true);
  expect(document.activeElement).toBe(list);
  expect(button(el, "Tokens").getAttribute("aria-pressed")).toBe("true");
  button(el, "Close the tokens").click();
  expect([el.querySelector(".wb-tok"), find(".wb-answer").classList.contains("wb-tokened")]).toEqual([null, false]);
});

test("an answer without tokens offers to be asked again with them", async () => {
  const { el, find, last } = await shown({ messages: [question, { ...answer, scored: false }] });
  expect([...el.querySelectorAll<HTMLElement>('[aria-label="Tokens"]')].some(visible)).toBe(false);
  button(find(".wb-answer"), "More").click();
  button(el, "Ask again with token probabilities").click();
  expect(last()).toMatchObject({ kind: "regenerate", message: "a1", logprobs: 5 });
});

test("pointing at a token shows what else might have stood there; one of them begins another answer", async () => {
  const { spans, rows, find, last } = await opened();
  spans[2]!.dispatchEvent(new Event("pointerover", { bubbles: true }));
  expect(find(".wb-tokp").textContent).toContain("Token 3 of 4");
  expect(rows().map((row) => [row.textContent, row.disabled])).toEqual([
    ["·Paris90.0 %", false], ["(end, or no text)2.0 %", true], ["\ufffd1.0 %", true],
  ]);
  expect(find(".wb-tokp .wb-tokr").textContent).toBe("·Rome4.0 %"); // what was written, if it is none of them
  expect(rows()[0]!.getAttribute("aria-label")).toBe("Branch here with “space Paris”, “space Paris”, 90.0 %");
  rows()[0]!.click();
  expect(last()).toMatchObject({ kind: "branch_at", message: "a1", token: 2, alternative: 0 });
});

test("what was written is marked and cannot be chosen again", async () => {
  const { spans, rows } = await opened();
  spans[1]!.dispatchEvent(new Event("pointerover", { bubbles: true }));
  expect(rows().map((row) => [row.title, row.disabled])).toEqual([
    ["This one was written", true], ["Branch here with “space was”", false],
  ]);
});

test("the keyboard goes from token to token, into the alternatives and back out", async () => {
  const { list, spans, rows, find, last, el } = await opened();
  key(list, "ArrowRight");
  expect(list.getAttribute("aria-activedescendant")).toBe(spans[0]!.id);
  key(list, "ArrowRight");
  expect(list.getAttribute("aria-activedescendant")).toBe(spans[1]!.id);
  key(list, "End");
  expect(spans[3]!.getAttribute("aria-selected")).toBe("true");
  key(list, "Home");
  key(list, "Enter");
  expect(document.activeElement).toBe(rows()[1]);
  key(rows()[1]!, "Escape");
  expect(document.activeElement).toBe(list);
  key(list, "Escape");
  expect(find(".wb-tokp").hidden).toBe(true);
  key(list, "Escape");
  expect([el.querySelector(".wb-tok"), document.activeElement]).toEqual([null, find(".wb-answer")]);
  expect(last()).toMatchObject({ kind: "read_tokens" }); // no key asked for anything else
});

test("a server that cannot go on says so in place of the choice", async () => {
  const { spans, rows, find, delta } = await opened();
  spans[1]!.dispatchEvent(new Event("pointerover", { bubbles: true }));
  await delta(["patch", "a1", { no_branch: "box:m cannot continue an answer." }]);
  await until(() => rows().every((row) => row.disabled), "no alternative can be chosen");
  expect(find(".wb-tokp").textContent).toContain("box:m cannot continue an answer.");
});

test("thoughts and the answer are told apart", async () => {
  const { list } = await opened([token("Hm", 0.5, [], { thinking: true }), token("Yes", 0.5)]);
  expect([...list.children].map((child) => child.textContent)).toEqual(["Thinking", "Hm", "Answer", "Yes"]);
});

test("no token is HTML, and what cannot be seen is named", async () => {
  const { spans, list } = await opened([token("<b>", 0.5), token("\u202e", 0.5), token("", 0.5)]);
  expect(list.querySelector("b")).toBe(null);
  expect(spans[0]!.textContent).toBe("<b>");
  expect(spans[1]!.querySelector<HTMLElement>(".wb-inv")!.dataset.chars).toBe("U+202E");
  expect(spans[2]!.textContent).toBe("◌");
});

test("the kernel's refusal leaves the words where they are", async () => {
  const { el, answer: reply, find } = await shown({ messages: [question, answer] });
  button(el, "Tokens").click();
  await reply(null, "There is no such message.");
  expect([el.querySelector(".wb-tok"), find(".wb-answer").classList.contains("wb-tokened")]).toEqual([null, false]);
});

test("2,000 tokens are drawn at once and walked through", async () => {
  const many = Array.from({ length: 2000 }, (_, i) => token(` w${i}`, (i % 10) / 10, [[` w${i}`, 0.5], [" x", 0.1]]));
  const { list, spans } = await opened(many);
  expect(spans).toHaveLength(2000);
  key(list, "End");
  expect(list.getAttribute("aria-activedescendant")).toBe(spans[1999]!.id);
}, 20_000);

test("probabilities are words and steps", () => {
  expect([1, 0.9996, 0.5, 0.0321, 0.0004, 0, null].map(percent)).toEqual([
    "100 %", "100 %", "50.0 %", "3.2 %", "<0.1 %", "<0.1 %", "–",
  ]);
  expect([1, 0.9, 0.89, 0.5, 0.2, 0.05, 0.01, 0, null].map(stepOf)).toEqual([0, 0, 1, 1, 2, 3, 4, 4, null]);
});
