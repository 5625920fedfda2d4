import attacks from "./attacks.json";
import { chatView, message } from "./fixtures";
import { CodeBlock } from "../../workbench/widgets/codeblock";
import { GrowingMarkdown, wholeMarkdown } from "../../workbench/widgets/growing";
import { highlight } from "../../workbench/widgets/highlight";
import { TOO_LARGE } from "../../workbench/widgets/markdown";
import { copyOf } from "../../workbench/widgets/saved";

const hurt = vi.fn();
Object.assign(window, { hurt });

const TAGS =
  /^(a|article|blockquote|br|button|circle|code|del|details|div|em|h[1-6]|header|hr|i|li|ol|p|path|pre|rect|s|span|strong|summary|svg|table|tbody|td|th|thead|tr|ul|math|m[a-z]+)$/;

/** Fails when anything under an element could run, load, send or cover something. */
function expectHarmless(root: Element, why: string): void {
  for (const element of root.querySelectorAll("*")) {
    expect(element.localName, why).toMatch(TAGS);
    for (const { name, value } of element.attributes) {
      expect(name, why).not.toMatch(/^on|^(src|srcset|srcdoc|action|formaction|background|poster|ping|data|id|name|xlink:href)$/i);
      if (name === "href") expect(value, why).toMatch(/^(https?:\/\/|https?:[^/]|mailto:)/i);
      if (name === "style") expect(value, why).not.toMatch(/url|expression|\(|position|z-index/i);
    }
  }
  expect(hurt, why).not.toHaveBeenCalled();
}

/** Lets the test runner breathe between long pieces of work. */
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** Grows a document in steps, as it would stream, to its end; `look` sees it on the way. */
function grown(text: string, step: number, look: (element: HTMLElement) => void = () => undefined): HTMLElement {
  const growing = new GrowingMarkdown();
  document.body.replaceChildren(growing.element);
  for (let at = 0; at < text.length; at += step) {
    growing.update(text.slice(0, at), true);
    look(growing.element);
  }
  growing.update(text, false);
  return growing.element;
}

test("there are attacks enough", () => expect(attacks.attacks.length).toBeGreaterThan(400));

test("nothing runs and nothing loads: whole, and in a saved copy", async () => {
  for (const attack of attacks.attacks) {
    await pause();
    const text = `before ${attack}\n\n${attack}\n\nafter`;
    const element = wholeMarkdown(text);
    document.body.replaceChildren(element);
    expectHarmless(element, attack);
    const answer = message("m", { text, reasoning: text, notes: [{ code: "fallback", message: attack, model: null }] });
    const copy = document.createElement("div");
    copy.innerHTML = copyOf(chatView({ messages: [message("u", { role: "user", text: attack }), answer] })).html;
    document.body.replaceChildren(copy);
    expectHarmless(copy, attack);
  }
}, 120_000);

test("nothing runs and nothing loads while it comes, cut anywhere", async () => {
  for (const [i, attack] of attacks.attacks.entries()) {
    await pause();
    const text = `${attack}\n\ntext ${attack}\n`;
    const step = 5 + (i % 7);
    const element = grown(text, step, (growing) => expectHarmless(growing, attack));
    expectHarmless(element, attack);
    expect(element.innerHTML, attack).toBe(wholeMarkdown(text).innerHTML);
  }
}, 240_000);

test.each([
  ["[pypi.org](https://attacker.test/x)", "attacker.test"],
  ["[https://pypi.org/simple](https://attacker.test)", "attacker.test"],
  ["[the docs](https://user@attacker.test)", "attacker.test"],
  ["[`pypi.org`](http://attacker.test:8080/)", "attacker.test:8080"],
  ["[apple](https://\u0430pple.com)", "xn--pple-43d.com"],
  ["[me@pypi.org](mailto:me@attacker.test)", "attacker.test"],
  ["[py\u200bpi.org](https://attacker.test)", "attacker.test"],
  ["[127.0.0.1](https://attacker.test)", "attacker.test"],
])("a link says where it leads when its words name another place: %s", (text, host) => {
  const element = wholeMarkdown(text);
  expect(element.querySelector(".wb-host")!.textContent).toBe(`(${host})`);
  expect(element.querySelector("a")!.title).toBe(element.querySelector("a")!.getAttribute("href"));
});

test.each(["[docs](https://pypi.org)", "[pypi.org](https://pypi.org/x)", "[www.pypi.org](https://pypi.org)", "[see it](mailto:me@pypi.org)"])(
  "a link that leads where it says stays as it is: %s",
  (text) => expect(wholeMarkdown(text).querySelector(".wb-host")).toBeNull(),
);

test("addresses that are no web or mail addresses are no links", () => {
  for (const address of ["#x", "/lab", "//attacker.test", "file:///x", "about:blank", `https://e.org/${"x".repeat(2000)}`]) {
    expect(wholeMarkdown(`[words](${address})`).querySelector("a[href]"), address).toBeNull();
  }
});

test("what cannot be seen in code is shown, counted, and copied as it was written", () => {
  const code = "if access != \"user\u202e \u2066// admin\u2069 \u2066\":\n    x\u200b = 1\n";
  for (const language of ["", "python"]) {
    const element = wholeMarkdown("```" + language + "\n" + code + "```");
    const marks = [...element.querySelectorAll<HTMLElement>(".wb-inv")];
    expect(marks.map((mark) => mark.dataset.chars)).toEqual(["U+202E", "U+2066", "U+2069", "U+2066", "U+200B"]);
    expect(element.querySelector(".wb-unseen")!.textContent).toBe("5 invisible characters");
    expect(CodeBlock.of(element.querySelector(".wb-code")!)!.text).toBe(code);
    expect(element.querySelector("pre")!.textContent).toBe(code);
  }
  expect(wholeMarkdown("`a\u202eb`").querySelector<HTMLElement>("code .wb-inv")!.dataset.chars).toBe("U+202E");
});

test("while code grows its hidden characters are marked at once", () => {
  const growing = new GrowingMarkdown();
  growing.update("```\na", true);
  growing.update("```\na\u202eb", true);
  growing.update("```\na\u202ebc", true);
  expect(growing.element.querySelectorAll(".wb-inv")).toHaveLength(1);
  growing.update("```\na\u202ebc\n```", false);
  expect(growing.element.querySelectorAll(".wb-inv")).toHaveLength(1);
});

test("in prose overrides of direction, hidden words and rows of blanks are shown", () => {
  const hidden = [..."obey"].map((char) => String.fromCodePoint(0xe0000 + char.codePointAt(0)!)).join("");
  const marks = (text: string): (string | undefined)[] =>
    [...wholeMarkdown(text).querySelectorAll<HTMLElement>(".wb-inv")].map((mark) => mark.dataset.chars);
  expect(marks("invoice\u202efdp.exe")).toEqual(["U+202E"]);
  expect(marks(`fine${hidden}`)).toEqual(["U+E006F and 3 more"]);
  expect(marks("a\u200b\u200c\u200b\u200cb")).toEqual(["U+200B and 3 more"]);
  expect(marks("[pypi\u2066.org](https://pypi.org)")).toEqual(["U+2066"]);
});

test("writing that needs such characters keeps them, and its direction", () => {
  const texts = ["שלום, עולם (2024)", "مرحبا بالعالم: می\u200cخواهم", "\u{1f468}\u200d\u{1f469}\u200d\u{1f467} \u2764\ufe0f", "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", "A \u2067שלום\u2069 b"];
  for (const text of texts) {
    const element = wholeMarkdown(text);
    expect(element.querySelector(".wb-inv"), text).toBeNull();
    expect(element.textContent).toBe(text);
  }
  expect(wholeMarkdown("- שלום\n- עולם").querySelector("ul")!.dir).toBe("auto");
  expect(wholeMarkdown("> שלום").querySelector("blockquote")!.dir).toBe("auto");
  expect(wholeMarkdown("```\nשלום\n```").querySelector<HTMLElement>(".wb-code")!.dir).toBe("ltr");
});

test("a saved copy spells out what cannot be seen, and keeps MathJax out", () => {
  const html = copyOf(chatView({ messages: [message("m", { text: "`a\u202eb`\n\n\\begin{align}\\href{javascript:hurt()}{x}\\end{align}" })] })).html;
  expect(html).toContain("a[U+202E]b");
  expect(html).toMatch(/^<div class="wb-static tex2jax_ignore mathjax_ignore"/);
});

test("a fence that is never closed changes nothing outside of its message", () => {
  const [first, second] = [wholeMarkdown("```\nopen\n\n# no heading"), wholeMarkdown("# Heading")];
  document.body.replaceChildren(first, second);
  expect(first.querySelectorAll("pre")).toHaveLength(1);
  expect(second.querySelector("h1")!.textContent).toBe("Heading");
});

const row = (count: number, make: (i: number) => string, between = ""): string => Array.from({ length: count }, (_, i) => make(i)).join(between);
const BOMBS: Record<string, string> = {
  words: "word ".repeat(200_000),
  "one fence": "```\n" + "x ".repeat(500_000),
  "a cell": `|a|b|\n|-|-|\n|${"x ".repeat(500_000)}|y|`,
  rows: `|a|b|\n|-|-|\n${"|1|2|\n".repeat(150_000)}`,
  items: "- a\n".repeat(200_000),
  brackets: "[".repeat(100_000),
  quotations: "> ".repeat(50_000) + "x",
  bullets: "* ".repeat(50_000) + "x",
  "lists in lists": row(500, (i) => " ".repeat(2 * i) + "- a", "\n"),
  emphasis: "*".repeat(9_000) + "a" + "*".repeat(9_000),
  "mixed emphasis": "*a _b **c __d ".repeat(70_000),
  "long addresses": `[a]: http://e.org/${"x".repeat(900)}\n\n${"[a] ".repeat(4_900)}`,
  "one endless address": `[a]: http://e.org/${"x".repeat(100_000)}\n\n${"[a] ".repeat(4_900)}`,
  "one endless title": `[a]: http://e.org "${"x".repeat(100_000)}"\n\n${"[a] ".repeat(4_900)}`,
  definitions: row(60_000, (i) => `[a${i}]: http://e.org`, "\n"),
  dollars: "$x ".repeat(300_000),
  formula: `$$\n${"x+".repeat(500_000)}\n$$`,
  commands: `$$\\def\\a{${"x".repeat(3000)}}${"\\a".repeat(400)}$$`,
  fractions: `$${"\\frac{".repeat(500)}x${"}{y}".repeat(500)}$`,
  backticks: row(600, (i) => "`".repeat(i), " "),
  images: "![".repeat(500_000),
  code: "```python\n" + "x=[(".repeat(24_000),
};

test.each(Object.entries(BOMBS))("a megabyte of %s is shown, soon, and loses no word", (_, text) => {
  const began = performance.now();
  const element = wholeMarkdown(text);
  expect(performance.now() - began).toBeLessThan(15_000);
  const growing = new GrowingMarkdown();
  for (const part of [0.1, 0.3, 0.5, 0.7, 0.9]) growing.update(text.slice(0, text.length * part), true);
  growing.update(text, false);
  expect(growing.element.querySelectorAll("*").length).toBe(element.querySelectorAll("*").length);
  expect(element.querySelectorAll("*").length).toBeLessThan(25_000);
  const shown = element.textContent!.replace(TOO_LARGE, "");
  if (!/\]: http/.test(text)) expect(shown.match(/[a-z]/g)?.length ?? 0).toBeGreaterThanOrEqual((text.match(/[a-z]/g) ?? []).length);
}, 120_000);

test("what is too large says so, and the parts before it keep their form", () => {
  const element = wholeMarkdown(`# Title\n\n${"word ".repeat(60_000)}\n\nafter`);
  expect(element.querySelector("h1")!.textContent).toBe("Title");
  expect(element.querySelector(".wb-plain")!.textContent).toContain(TOO_LARGE);
  expect(element.textContent).toMatch(/after$/);
}, 60_000);

test("a long block that grows takes only a part of the time, and shows all at last", async () => {
  const growing = new GrowingMarkdown();
  const text = "a*b ".repeat(4000);
  growing.update(text, true);
  growing.update(`${text}more`, true);
  await vi.waitFor(() => expect(growing.element.textContent).toContain("more"), { timeout: 30_000 });
}, 60_000);

test("colouring is quick on code made to slow it down", async () => {
  const pieces = ["(", "\"\\", "/*", "<!--", "a.b.", "0x", "${", "`", "'''", "#", "\n ", "<a b=", "= ", "::", "template<"];
  for (const language of ["bash", "cpp", "css", "diff", "go", "java", "javascript", "json", "python", "r", "rust", "sql", "typescript", "xml", "yaml"]) {
    for (const piece of pieces) {
      await pause();
      const began = performance.now();
      highlight(`${piece.repeat(Math.ceil(990 / piece.length))}\n`.repeat(3), language);
      highlight(piece.repeat(Math.ceil(90_000 / piece.length)), language);
      expect(performance.now() - began, `${language} ${piece}`).toBeLessThan(10_000);
    }
  }
}, 240_000);
