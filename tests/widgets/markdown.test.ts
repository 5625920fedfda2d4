import { CodeBlock } from "../../workbench/widgets/codeblock";
import { GrowingMarkdown, loadImage, wholeMarkdown } from "../../workbench/widgets/growing";

const FENCE = "```";
const DOCUMENTS: Record<string, string> = {
  prose: "# Title\n\nSome *words* and **more** of `them`.\nA second line\n\nAnother paragraph.\n\n---\n\nThe end",
  lists: "Steps:\n\n1. one\n2. two\n   - inner\n   - inner\n\n     loose\n3. three\n\n- other\n* new list\n\ntext\n- tight\n- tight",
  code: `Before\n\n${FENCE}python\ndef f(x):\n    """doc\n\n    more"""\n    return x\n${FENCE}\nafter\n\n    indented\n\n    code\n\n~~~\nplain\n~~~`,
  unbalanced: `Text\n\n${FENCE}js\nlet a = "${FENCE}" + b;\n\nstill code\n`,
  "fence in a list": `1. do\n\n   ${FENCE}sh\n   ls -l\n   ${FENCE}\n\n2. then\n   ${FENCE}\n   open`,
  tables: "Table:\n\n| a | b |\n|--:|:-:|\n| 1 | 2 |\n| 3 | 4 |\n\nnot | a table\n\na | b\n---|---\n1 | 2\ntext",
  "almost something else": "para\n#\nnot a heading\n\npara\n***bold***\n\npara\n```inline``` code\n\n-\n\n+ a\n\npara\n--\nx\n=\n",
  quotes: "> quoted\nlazy\n\n> again\n> - list\n> > deeper\n\nout",
  references: "See [one][a] and [two].\n\nMore [one][a].\n\n[a]: https://example.org/a\n[two]: https://example.org/two 'title'\n\nAfter [a].",
  maths: "Inline $x^2$ and \\(y\\).\n\n$$\n\\frac{a}{b}\n+ c\n$$\n\n\\[ E = mc^2 \\]\n\ncosts $5 and $10\n\n$$\nunclosed\n\nafter\n\n- item\n  $$\n  z\n  $$\n",
  "carriage returns": "one\r\ntwo\r\n\r\n- a\r\n- b\r\n\r\nend\r\n",
  images: "![a](https://example.org/a.png) text\n\n- ![b](http://example.org/b.png)\n",
};

/** Grows a document in steps, as it would stream, to its end. */
function grown(text: string, step: number): GrowingMarkdown {
  const growing = new GrowingMarkdown();
  for (let at = 0; at < text.length; at += step) growing.update(text.slice(0, at), true);
  growing.update(text, false);
  return growing;
}

describe.each(Object.entries(DOCUMENTS))("%s", (_, text) => {
  test.each([1, 3, 7, 40])("grown in steps of %i it equals the whole", (step) => {
    expect(grown(text, step).element.innerHTML).toBe(wholeMarkdown(text).innerHTML);
  });
});

test("random documents equal the whole as well", () => {
  let seed = 7;
  const random = (n: number): number => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
  const lines = Object.values(DOCUMENTS).join("\n").split(/\r?\n/);
  for (let round = 0; round < 60; round++) {
    const text = Array.from({ length: 12 }, () => lines[random(lines.length)]).join("\n");
    expect(grown(text, 1 + random(9)).element.innerHTML, text).toBe(wholeMarkdown(text).innerHTML);
  }
}, 60_000);

test("blocks that are finished keep their elements", () => {
  const growing = new GrowingMarkdown();
  growing.update("First *paragraph*.\n\n- item\n\nSecond", true);
  const [paragraph, list] = growing.element.children;
  growing.update("First *paragraph*.\n\n- item\n\nSecond grows\n\nThird", true);
  growing.update("First *paragraph*.\n\n- item\n\nSecond grows\n\nThird", false);
  expect(growing.element.children[0]).toBe(paragraph);
  expect(growing.element.children[1]).toBe(list);
});

test("inside the growing block what did not change keeps its element", () => {
  const growing = new GrowingMarkdown();
  growing.update("- one\n- two\n", true);
  const first = growing.element.querySelector("li");
  growing.update("- one\n- two\n- three", true);
  expect(growing.element.querySelector("li")).toBe(first);
});

test("an open code block keeps its element and can be copied at once", () => {
  const growing = new GrowingMarkdown();
  growing.update("```python\nimport", true);
  const block = growing.element.querySelector(".wb-code")!;
  growing.update("```python\nimport numpy\n\nx = 1", true);
  expect(growing.element.querySelector(".wb-code")).toBe(block);
  expect(CodeBlock.of(block)!.text).toBe("import numpy\n\nx = 1");
  growing.update("```python\nimport numpy\n\nx = 1\n```", false);
  expect(growing.element.querySelector(".wb-code")).toBe(block);
  expect(block.querySelector("pre")!.textContent).toBe("import numpy\n\nx = 1\n");
  expect(block.querySelector("pre .wb-k")!.textContent).toBe("import");
});

test("a caret stands behind the last word while it writes, and nowhere afterwards", () => {
  const growing = new GrowingMarkdown();
  growing.update("- a\n- b", true);
  expect(growing.element.querySelector("li:last-child > .wb-caret")).not.toBeNull();
  growing.update("- a\n- b", false);
  expect(growing.element.querySelector(".wb-caret")).toBeNull();
});

test("a text that is not a continuation starts over", () => {
  const growing = new GrowingMarkdown();
  growing.update("one\n\ntwo\n\nthree", true);
  growing.update("other", true);
  growing.update("other", false);
  expect(growing.element.innerHTML).toBe("<p>other</p>");
});

test("a remote image is only loaded when the reader asks, and without telling where from", () => {
  const element = wholeMarkdown("See ![a chart](https://example.org/chart.png)");
  expect(element.querySelector("img")).toBeNull();
  expect(element.querySelector("button")!.textContent).toBe("Load image from example.org");
  loadImage(element.querySelector(".wb-img")!);
  const image = element.querySelector("img")!;
  expect(image.getAttribute("src")).toBe("https://example.org/chart.png");
  expect(image.getAttribute("referrerpolicy")).toBe("no-referrer");
  expect(image.alt).toBe("a chart");
});

test("an image with an address that cannot be read does no harm", () => {
  expect(wholeMarkdown("![a](https://[broken/x.png) after").textContent).toContain("after");
  expect(wholeMarkdown("![a](http://) after").textContent).toContain("after");
});

test("formulas become MathML, prices stay prices", () => {
  expect(wholeMarkdown("$a^2$").querySelector("math msup")).not.toBeNull();
  expect(wholeMarkdown("\\(a^2\\)").querySelector("math msup")).not.toBeNull();
  expect(wholeMarkdown("$$\na^2\n$$").querySelector("math[display=block]")).not.toBeNull();
  expect(wholeMarkdown("\\[\na^2\n\\]").querySelector("math[display=block]")).not.toBeNull();
  expect(wholeMarkdown("from $5 to $10").innerHTML).toBe("<p>from $5 to $10</p>");
  expect(wholeMarkdown("`$a$`").querySelector("math")).toBeNull();
  expect(wholeMarkdown("$\\frac{$").textContent).toContain("\\frac{");
});

test("links open elsewhere and tell nothing", () => {
  const link = wholeMarkdown("[a](https://example.org)").querySelector("a")!;
  expect([link.target, link.rel]).toEqual(["_blank", "noopener noreferrer"]);
});
