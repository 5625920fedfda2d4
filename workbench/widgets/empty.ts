// What an empty chat says: who would answer, and three questions to begin with.
import { h, setText } from "./dom";
import { icon, type IconName } from "./icons";
import type { ModelView } from "./protocol";

const SUGGESTIONS: [IconName, string, string][] = [
  ["chat", "What can the workbench do?", "Its verbs, with a line of code"],
  ["plug", "How do I connect a server?", "Ollama, LM Studio, llama.cpp, …"],
  ["chip", "Write Python that reverses a string", "A short answer in a code block"],
];

export class Empty {
  readonly element: HTMLElement;
  private readonly who = h("p", { class: "wb-t2" });

  /** Without `send` nothing is suggested. */
  constructor(send: ((text: string) => void) | null) {
    const suggestions = (send ? SUGGESTIONS : []).map(([name, question, about]) => {
      const title = h("span", { class: "wb-fx" }, icon(name), h("span", {}, question));
      const button = h("button", { type: "button" }, title, h("span", {}, about));
      button.addEventListener("click", () => send?.(question));
      return button;
    });
    this.element = h(
      "div",
      { class: "wb-empty" },
      h("div", { class: "wb-col" }, h("div", {}, h("div", { class: "wb-title" }, "Ask a model"), this.who), h("div", { class: "wb-sug" }, ...suggestions)),
    );
  }

  update(model: ModelView | null): void {
    setText(this.who, aboutModel(model));
  }
}

function aboutModel(model: ModelView | null): string {
  if (!model) return "Choose a model above to begin.";
  if (model.id === "builtin") return "builtin is a tiny model that ships inside: no download, no key, no network.";
  return model.local ? `${model.name} runs on this machine.` : `${model.id} answers from the server ${model.provider}.`;
}
