import modelPicker from "../../workbench/widgets/model_picker";
import { MODEL_PICKER_KINDS, type PickerRequest, type PickerView } from "../../workbench/widgets/model_picker_protocol";
import { model, until } from "./fixtures";
import { mountPanel } from "./panels";

const BUILTIN = model("builtin");
const REMOTE = model("ollama:llama3.2");

function state(changes: Partial<PickerView> = {}): PickerView {
  return { id: "p1", model: BUILTIN, models: [BUILTIN, REMOTE], servers: [], listing: false, notice: null, too_big: null, ...changes };
}

const mounted = (changes: Partial<PickerView> = {}) => mountPanel(modelPicker() as never, state(changes));

test("the list of tags is the tags of the type", () => {
  expectTypeOf<(typeof MODEL_PICKER_KINDS)[number]>().toEqualTypeOf<PickerRequest["kind"]>();
});

test("it shows the model and how it is, and the list chooses another", async () => {
  const { el, asked } = await mounted();
  expect(el.querySelector(".wb-pick")!.textContent).toContain("builtin");
  expect(el.querySelector(".wb-mpwhat")!.textContent).toBe("ready");
  el.querySelector<HTMLElement>(".wb-pick")!.click();
  el.querySelector<HTMLElement>('[data-model="ollama:llama3.2"]')!.click();
  expect(asked()).toEqual([{ kind: "list_models" }, { kind: "choose_model", model: "ollama:llama3.2" }]);
});

test("the switch goes to the other kind and back to the model used last", async () => {
  const { el, asked, ops } = await mounted({ models: [model("org/other"), BUILTIN, REMOTE] });
  const remote = [...el.querySelectorAll<HTMLElement>("[role=radio]")].find((each) => each.textContent === "Remote")!;
  remote.click();
  expect(asked()).toEqual([{ kind: "choose_model", model: "ollama:llama3.2" }]);
  ops(["state", { model: REMOTE }]);
  await until(() => remote.getAttribute("aria-checked") === "true", "the switch");
  [...el.querySelectorAll<HTMLElement>("[role=radio]")].find((each) => each.textContent === "Local")!.click();
  expect(asked().at(-1)).toEqual({ kind: "choose_model", model: "builtin" });
});

test("loading shows a bar with its percent, and what does not fit can be loaded anyway", async () => {
  const { el, ops, button, asked } = await mounted({ model: model("org/big", { status: "loading", percent: 40 }) });
  const bar = el.querySelector<HTMLElement>("[role=progressbar]")!;
  expect(bar.getAttribute("aria-valuenow")).toBe("40");
  expect(el.querySelector(".wb-mpwhat")!.textContent).toBe("loading 40 %");
  const notice = { kind: "ModelTooBigError", message: "org/big does not fit.", next_step: "", details: "", retryable: false };
  ops(["state", { model: BUILTIN, notice, too_big: "org/big" }]);
  await until(() => bar.closest("[hidden]") !== null, "the bar goes");
  expect(el.textContent).toContain("org/big does not fit.");
  button("Load anyway").click();
  expect(asked().at(-1)).toEqual({ kind: "choose_model", model: "org/big", force: true });
});
