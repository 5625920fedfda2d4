// What the model may do, as a button where messages are written: talk, call tools, answer with cells.
import { h, setAttribute, setText, show, textButton } from "./dom";
import { plural } from "./format";
import type { MenuGroups, MenuItem } from "./menu";
import type { Ack, ChatView, Mode, Request, ToolView } from "./protocol";

const MODES: [mode: Mode, label: string, detail: string][] = [
  ["ask", "Ask", "talk only"],
  ["act", "Act", "tools may be called"],
  ["edit", "Edit", "answers are code for cells"],
];
const ALLOWED = { always: "always runs", never: "never runs" };

export class ModeButton {
  readonly element: HTMLElement;
  private readonly button: HTMLButtonElement;
  private mode: Mode = "act";
  private tools: ToolView[] = [];

  constructor(
    private readonly ask: (request: Request) => Promise<Ack>,
    menu: (opener: HTMLElement, label: string, groups: MenuGroups) => void,
  ) {
    this.button = textButton("", "wb-gh wb-sm wb-mode", () => menu(this.button, "What the model may do", this.groups()), "tool");
    setAttribute(this.button, "aria-haspopup", "menu");
    this.element = h("span", {}, this.button);
  }

  /** Shown where there is something to choose: tools, or another mode than the usual one. */
  update(view: ChatView): void {
    this.mode = view.mode;
    this.tools = view.tools;
    show(this.element, view.tools.length > 0 || view.mode !== "act");
    const words = { ask: "Talk only", act: plural(view.tools.length, "tool"), edit: "Cells" }[view.mode];
    setText(this.button.querySelector("span")!, words);
    setAttribute(this.button, "aria-label", `What the model may do: ${words}`);
    setAttribute(this.button, "title", view.tools.map(({ name }) => name).join(", "));
  }

  private groups(): MenuGroups {
    const modes = MODES.map(([mode, label, detail]): MenuItem => {
      const press = (): void => void this.ask({ kind: "set_mode", mode });
      return { label, detail, checked: mode === this.mode, press };
    });
    const tools = this.tools.map((tool): MenuItem => {
      const press = (): void => void this.ask({ kind: "allow_tool", tool: tool.name, how: tool.allowed ? "once" : "always" });
      return { label: tool.name, detail: tool.allowed ? ALLOWED[tool.allowed] : "asks each time", icon: "tool", press };
    });
    return tools.length > 0 ? [modes, tools] : [modes];
  }
}
