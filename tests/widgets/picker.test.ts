import { matching, Picker, PickerButton, whyNot } from "../../workbench/widgets/picker";
import { chatView, model } from "./fixtures";

const MODELS = [
  model("org/Llama-3B", { size: 1.8e9, status: "loaded" }),
  model("builtin", { size: 7e6, note: "always here" }),
  model("lmstudio:qwen3-14b"),
  model("ollama:llama3.2", { status: "down", note: "server down" }),
];

function opened(changes = {}) {
  document.body.replaceChildren();
  const button = document.createElement("button");
  const chosen: string[] = [];
  let refreshed = 0;
  const life = new AbortController();
  const events = { choose: (id: string) => void chosen.push(id), refresh: () => void (refreshed += 1) };
  const picker = new Picker(button, events, life.signal);
  document.body.append(button, picker.element);
  picker.update(chatView({ model: MODELS[1]!, models: MODELS, ...changes }));
  picker.open();
  const field = picker.element.querySelector("input")!;
  const press = (key: string): boolean => field.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const type = (text: string): void => {
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const ring = (): string | undefined => picker.element.querySelector<HTMLElement>(".wb-is-focus")?.dataset.model;
  return { picker, button, chosen, field, press, type, ring, life, refreshed: () => refreshed };
}

test("it opens on the model in use, with the focus in the field, and asks what there is", () => {
  const { button, field, ring, refreshed } = opened();
  expect(document.activeElement).toBe(field);
  expect(ring()).toBe("builtin");
  expect(button.getAttribute("aria-expanded")).toBe("true");
  expect(refreshed()).toBe(1);
});

test("arrows go round what can be chosen, and the field says where they are", () => {
  const { press, ring, field, picker } = opened();
  press("ArrowDown");
  expect(ring()).toBe("lmstudio:qwen3-14b");
  press("ArrowDown"); // over the one whose server is down
  expect(ring()).toBe("org/Llama-3B");
  press("ArrowUp");
  expect(ring()).toBe("lmstudio:qwen3-14b");
  const active = picker.element.querySelector(`[id="${field.getAttribute("aria-activedescendant")}"]`) as HTMLElement;
  expect(active.dataset.model).toBe("lmstudio:qwen3-14b");
});

test("Enter chooses once and closes, Escape closes and gives the focus back", () => {
  const first = opened();
  first.press("ArrowDown");
  first.press("Enter");
  expect(first.chosen).toEqual(["lmstudio:qwen3-14b"]);
  expect(first.picker.isOpen).toBe(false);
  const second = opened();
  second.press("Escape");
  expect(second.chosen).toEqual([]);
  expect(second.picker.isOpen).toBe(false);
  expect(document.activeElement).toBe(second.button);
});

test("choosing the model in use changes nothing", () => {
  const { press, chosen } = opened();
  press("Enter");
  expect(chosen).toEqual([]);
});

test("typing filters, and Enter takes the first that is left", () => {
  const { type, press, chosen, picker } = opened();
  type("LLAMA org");
  expect([...picker.element.querySelectorAll<HTMLElement>("[role=option]")].map((row) => row.dataset.model)).toEqual(["org/Llama-3B"]);
  press("Enter");
  expect(chosen).toEqual(["org/Llama-3B"]);
  const nothing = opened();
  nothing.type("zzz");
  expect(nothing.picker.element.textContent).toContain("Nothing here is called “zzz”");
  nothing.press("Enter");
  expect(nothing.chosen).toEqual([]);
});

test("while a local model loads the other local ones cannot be chosen, and it says why", () => {
  const models = [model("org/Llama-3B", { status: "loading", percent: 62 }), ...MODELS.slice(1)];
  const { picker, chosen } = opened({ models, model: models[0]! });
  const row = picker.element.querySelector<HTMLElement>('[data-model="builtin"]')!;
  expect(row.getAttribute("aria-disabled")).toBe("true");
  expect(row.title).toContain("Llama-3B is loading");
  expect(picker.element.textContent).toContain("one at a time: a model is loading");
  row.click();
  expect(chosen).toEqual([]);
  picker.element.querySelector<HTMLElement>('[data-model="lmstudio:qwen3-14b"]')!.click();
  expect(chosen).toEqual(["lmstudio:qwen3-14b"]);
});

test("a server that did not answer is shown with its reason and a way to try again", () => {
  const servers = [{ name: "ollama", message: "refused, port 11434", next_step: "Start it." }];
  const { picker, refreshed } = opened({ servers });
  const group = [...picker.element.querySelectorAll('[role="group"]')].find((each) => each.getAttribute("aria-label") === "ollama")!;
  expect(group.textContent).toContain("ollamarefused, port 11434Start it. try again");
  expect(group.textContent).toContain("llama3.2–server down"); // what it offered before, beside the failure
  picker.element.querySelector<HTMLElement>("[data-again]")!.click();
  expect(refreshed()).toBe(2);
});

test("models are grouped by their server, in the order of the list", () => {
  const { picker } = opened();
  const groups = [...picker.element.querySelectorAll('[role="group"]')].map((each) => each.getAttribute("aria-label"));
  expect(groups).toEqual(["Local", "lmstudio", "ollama"]);
});

test("of the model in use the newest is shown, also while the list is older", () => {
  const using = model("builtin", { status: "loading", percent: 62 });
  const { picker } = opened({ model: using });
  expect(picker.element.querySelector('[data-model="builtin"]')!.textContent).toContain("loading 62 %");
  expect(picker.element.querySelector('[data-model="org/Llama-3B"]')!.getAttribute("aria-disabled")).toBe("true");
});

test("with no server it says how to connect one", () => {
  const { picker } = opened({ models: MODELS.slice(0, 2) });
  expect(picker.element.textContent).toContain('wb.connect("http://localhost:11434/v1")');
});

test("a redraw keeps the ring where the person put it", () => {
  const { picker, press, ring } = opened();
  press("ArrowDown");
  picker.update(chatView({ model: MODELS[1]!, models: [model("org/new"), ...MODELS] }));
  expect(ring()).toBe("lmstudio:qwen3-14b");
});

test("its listeners die with the view", () => {
  const { picker, life, button } = opened();
  picker.close();
  life.abort();
  button.click();
  expect(picker.isOpen).toBe(false);
});

test("the button names the model and what is wrong with it", () => {
  const button = new PickerButton();
  button.update(model("org/Llama-3B", { status: "loading", percent: 61.7 }));
  expect(button.element.textContent).toBe("Llama-3B62 %");
  button.update(model("ollama:llama3.2", { status: "down" }));
  expect(button.element.textContent).toBe("ollama:llama3.2server down");
  button.update(null);
  expect(button.element.textContent).toBe("Choose a model");
});

test("every word of a filter has to match somewhere", () => {
  expect(matching(MODELS, "qwen lmstudio").map(({ id }) => id)).toEqual(["lmstudio:qwen3-14b"]);
  expect(matching(MODELS, " ")).toHaveLength(4);
  expect(whyNot(MODELS[0]!, MODELS)).toBeNull();
  expect(whyNot(MODELS[3]!, MODELS)).toBe("server down");
});
