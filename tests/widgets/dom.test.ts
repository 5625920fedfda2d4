import { h, prose } from "../../workbench/widgets/dom";

const html = (text: string) => h("p", {}, ...prose(text)).innerHTML;

describe("prose", () => {
  it("shows what stands between backticks as code", () => {
    expect(html("Start it with `ollama serve`, then retry.")).toBe('Start it with <span class="wb-mono">ollama serve</span>, then retry.');
  });
  it("leaves an odd backtick and never makes markup of words", () => {
    expect(html("a ` b")).toBe("a ` b");
    expect(html("`<b>`")).toBe('<span class="wb-mono">&lt;b&gt;</span>');
  });
});
