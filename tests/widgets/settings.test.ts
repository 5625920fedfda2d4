import settings from "../../workbench/widgets/settings";
import { SETTINGS_KINDS } from "../../workbench/widgets/settings_protocol";
import type {
  CheckedView, Kind, ServerRow, SettingsRequest, SettingsView, TestView,
} from "../../workbench/widgets/settings_protocol";
import { until } from "./fixtures";
import { ERROR, mountPanel } from "./panels";

const KEY = "sk-very-secret-0123456789";

function kind(name: string, url: string, changes: Partial<Kind> = {}): Kind {
  return { name, title: name, url, key_env: "", key_needed: false, hint: "", ...changes };
}

function server(id: string, changes: Partial<ServerRow> = {}): ServerRow {
  return {
    id, title: "", url: `http://${id}/v1`, model: null, state: "up", words: "2 models, 4 ms", key: "", own_key: false,
    warning: "", test: null, ...changes,
  };
}

function view(changes: Partial<SettingsView> = {}): SettingsView {
  return {
    id: "s", rows: [server("ollama"), server("lab", { state: "down", words: "does not answer" })],
    kinds: [
      kind("localai", "http://localhost:8080/v1", { title: "LocalAI", key_env: "LOCALAI_API_KEY" }),
      kind("llama-server", "http://localhost:8080/v1"),
      kind("openai", "https://api.openai.com/v1", { title: "OpenAI", key_env: "OPENAI_API_KEY", key_needed: true }),
    ],
    values: {
      default_model: null, fallback: "builtin", use_fallback: true, ask_before_sending: true, keep_history: true, at_once: 2, connections: 12,
      memory_budget: null, idle_timeout: 900,
    },
    environment: {}, statuses: { default_model: "unknown", fallback: "ready" }, memory_usual: 11e9, folders: [], presets: [],
    allowed: [], found: null, looking: false, notes: [], keys_go: "the system keyring", file: "/c/settings.toml",
    file_name: "settings.toml", problem: null, export_path: "workbench-settings.toml", notice: null, ...changes,
  };
}

const CHECKED: CheckedView = {
  url: "http://localhost:8080/v1", name: "localai", url_problem: "", name_problem: "", warning: "", preset: "localai",
};

const FAILED: TestView = {
  running: false, summary: "", left: ["model list", "streaming"],
  steps: [
    { name: "address", ok: true, message: "The address is well formed.", next_step: "" },
    { name: "connects", ok: false, message: "Connection refused.", next_step: "Run `ollama serve`." },
  ],
};

async function mounted(state = view()) {
  const panel = await mountPanel(settings(), state);
  const field = (label: string): HTMLInputElement => panel.el.querySelector<HTMLInputElement>(`input[aria-label="${label}"]`)!;
  const type = (label: string, text: string): void => {
    field(label).value = text;
    field(label).dispatchEvent(new Event("input", { bubbles: true }));
  };
  const set = (label: string, text: string): void => {
    field(label).value = text;
    field(label).dispatchEvent(new Event("change", { bubbles: true }));
  };
  const row = (id: string): HTMLElement => panel.el.querySelector<HTMLElement>(`[data-server="${id}"]`)!;
  const tab = (name: string): void => panel.button(name).click();
  return { ...panel, field, type, set, row, tab };
}

/** The form, filled and checked. */
async function filled() {
  const panel = await mounted();
  panel.button("Add").click();
  panel.type("Address", "localhost:8080/v1/chat/completions");
  panel.answer("check_address", CHECKED);
  await until(() => !panel.button("Test and save").disabled, "the check");
  return panel;
}

test("the tags are those of the types", () => {
  expectTypeOf<(typeof SETTINGS_KINDS)[number]>().toEqualTypeOf<SettingsRequest["kind"]>();
});

test("each server says how it is, and a failed test where it stopped, why, and what was not tried", async () => {
  const { row, ops, el, asked, button } = await mounted();
  expect(el.querySelector(".wb-sec header")!.textContent).toContain("1 of 2 answers");
  expect(row("lab").textContent).toContain("does not answer");
  button("Test lab").click();
  expect(asked()).toEqual([{ kind: "test_server", name: "lab" }]);
  ops(["row", server("lab", { state: "asking", test: { ...FAILED, running: true, steps: FAILED.steps.slice(0, 1), left: ["connects"] } })]);
  await until(() => row("lab").textContent!.includes("Connects…"), "the step under way");
  button("Stop testing lab").click();
  expect(asked().at(-1)).toEqual({ kind: "stop_test", name: "lab" });
  ops(["row", server("lab", { state: "down", test: FAILED })]);
  await until(() => row("lab").textContent!.includes("Connection refused."), "the failed step");
  expect(row("lab").querySelector(".wb-mono:not(.wb-n2)")!.textContent).toBe("ollama serve");
  expect(row("lab").textContent).toContain("Model list, streaming: not tried");
  expect(el.querySelector("[aria-live]")!.textContent).toBe("lab: Connection refused.");
});

test("an address is repaired in sight, and named", async () => {
  const { el, field } = await filled();
  expect(el.querySelector(".wb-form")!.textContent).toContain("Will be saved as http://localhost:8080/v1");
  expect(field("Name").value).toBe("localai");
  expect(el.querySelector(".wb-form")!.textContent).toContain("Or set LOCALAI_API_KEY.");
});

test("what is no address cannot be saved, and says why", async () => {
  const { el, type, answer, button } = await filled();
  type("Address", "no address");
  answer("check_address", { ...CHECKED, url: "", url_problem: "'no address' is no address." });
  await until(() => button("Test and save").disabled, "the check");
  expect(el.querySelector(".wb-form .wb-warn")!.textContent).toBe("'no address' is no address.");
});

test("of two kinds at one address the pressed one stays", async () => {
  const { button, answer, field } = await mounted();
  button("Add").click();
  button("llama-server").click();
  answer("check_address", CHECKED);
  await until(() => field("Name").value === "llama-server", "the name");
  expect(button("llama-server").getAttribute("aria-pressed")).toBe("true");
});

test("a key leaves in the one command that saves, and the field is empty at once", async () => {
  const { el, type, field, button, asked, answer, ops } = await filled();
  type("Key", KEY);
  button("Test and save").click();
  expect(field("Key").value).toBe("");
  const sent = asked().filter((each) => JSON.stringify(each).includes(KEY));
  expect(sent).toEqual([{
    kind: "save_server", url: "localhost:8080/v1/chat/completions", name: "localai", key: KEY, model: null, replaces: null,
  }]);
  answer("save_server", { name: "localai", url: CHECKED.url });
  ops(["row", server("localai", { key: "system keyring", own_key: true, test: { running: false, steps: [], left: [], summary: "Answers in 31 ms, 2 models, streams" } })]);
  await until(() => el.textContent!.includes("Saved. Answers in 31 ms, 2 models, streams"), "the outcome");
  expect(field("Key").placeholder).toBe("kept: system keyring");
  expect(el.innerHTML).not.toContain(KEY);
});

test("a refused save says why in the form; the key is gone, the rest stays", async () => {
  const { el, type, field, button, answer } = await filled();
  type("Key", KEY);
  button("Test and save").click();
  answer("save_server", null, ERROR);
  await until(() => el.querySelector(".wb-sform .wb-err[role=alert]:not([hidden])") !== null, "the reason");
  expect(field("Address").value).toBe("localhost:8080/v1/chat/completions");
  expect(field("Key").value).toBe("");
});

test("closing the form empties the key", async () => {
  const { type, field, button, asked } = await filled();
  type("Key", KEY);
  button("Cancel").click();
  expect(field("Key").value).toBe("");
  expect(JSON.stringify(asked())).not.toContain(KEY);
});

test("a kept key can be forgotten, and an edit keeps it", async () => {
  const { button, answer, asked } = await mounted(view({ rows: [server("lab", { key: "system keyring", own_key: true })] }));
  button("Edit lab").click();
  answer("check_address", { ...CHECKED, url: "http://lab/v1", name: "lab", preset: null });
  await until(() => !button("Test and save").disabled, "the check");
  button("Test and save").click();
  expect(asked().at(-1)).toMatchObject({ kind: "save_server", key: null, replaces: "lab" });
  answer("save_server", { name: "lab", url: "http://lab/v1" });
  await until(() => button("Test and save")?.disabled === false, "the answer");
  button("Forget it").click();
  button("Test and save").click();
  expect(asked().at(-1)).toMatchObject({ kind: "save_server", key: "", replaces: "lab" });
});

test("a server is removed after a word on what goes with it", async () => {
  const { el, button, asked } = await mounted(view({ rows: [server("lab", { key: "system keyring", own_key: true })] }));
  button("More for lab").click();
  [...el.querySelectorAll<HTMLElement>("[role=menuitem]")].find((each) => each.textContent === "Remove…")!.click();
  expect(el.querySelector("[role=alertdialog]")!.textContent).toContain("Its key (system keyring) is forgotten too.");
  button("Remove").click();
  expect(asked()).toEqual([{ kind: "remove_server", name: "lab" }]);
});

test("what answers on this machine is offered with one press", async () => {
  const { button, asked, ops, el } = await mounted();
  button("Look for local ones").click();
  ops(["state", { looking: false, found: [{ name: "lmstudio", title: "LM Studio", url: "http://localhost:1234/v1", words: "3 models" }] }]);
  await until(() => Boolean(button("Add lmstudio")), "what was found");
  button("Add lmstudio").click();
  expect(asked().at(-1)).toMatchObject({ kind: "save_server", url: "http://localhost:1234/v1", name: "lmstudio", key: null });
  ops(["state", { found: [] }]);
  await until(() => el.textContent!.includes("Nothing else answers"), "that there is nothing");
});

test("a model is chosen from what the kernel finds", async () => {
  const { el, button, answer, asked, press } = await mounted();
  button("Default model: the one that ships").click();
  answer("find_models", [{ id: "org/big-4bit", name: "big-4bit", provider: "local", status: "ready" }]);
  await until(() => el.querySelectorAll(".wb-slist [role=option]").length === 2, "the models");
  press("ArrowDown");
  press("Enter");
  expect(asked().at(-1)).toEqual({ kind: "change_settings", fields: { default_model: "org/big-4bit" } });
});

test("what the environment decides cannot be set here, and says so", async () => {
  const { el, button } = await mounted(view({ environment: { fallback: "WORKBENCH_FALLBACK" } }));
  expect(button("Fallback: builtin").disabled).toBe(true);
  expect(el.textContent).toContain("WORKBENCH_FALLBACK of the environment decides.");
});

test("numbers go out in their own unit, and a refused one goes back", async () => {
  const { tab, set, field, asked, answer } = await mounted();
  tab("Models and memory");
  set("Memory for models, GB", "8.5");
  expect(asked().at(-1)).toEqual({ kind: "change_settings", fields: { memory_budget: 8.5e9 } });
  set("Let go of an idle model after, min", "");
  expect(asked().at(-1)).toEqual({ kind: "change_settings", fields: { idle_timeout: null } });
  set("Models at a time, models", "99");
  answer("change_settings", null, ERROR);
  await until(() => field("Models at a time, models").value === "2", "the last good value");
});

test("a switch stays where it was pressed until the kernel answers, and goes back when that is no", async () => {
  const { el, ops, answer, asked } = await mounted();
  const use = el.querySelector<HTMLInputElement>('[aria-label="Use the fallback"]')!;
  use.click();
  expect(asked().at(-1)).toEqual({ kind: "change_settings", fields: { use_fallback: false } });
  ops(["row", server("ollama", { words: "3 models, 4 ms" })]);
  await until(() => el.textContent!.includes("3 models"), "another change");
  expect(use.checked).toBe(false);
  answer("change_settings", null, ERROR);
  await until(() => use.checked, "what is set");
});

test("a broken file shows its line and what holds", async () => {
  const { el, ops, button, asked } = await mounted();
  ops(["state", { problem: { line: 7, message: "at_once must be a whole number." } }]);
  await until(() => el.textContent!.includes("settings.toml, line 7: at_once must be a whole number."), "the line");
  expect(el.textContent).toContain("The last good values hold");
  button("Read again").click();
  expect(asked()).toEqual([{ kind: "read_settings" }]);
});

test("presets are kept with the options that were given", async () => {
  const { tab, button, type, asked, answer, el } = await mounted(view({ presets: [{ name: "dry", options: { temperature: 0, thinking: false }, words: "temperature 0" }] }));
  tab("Presets");
  button("Edit dry").click();
  type("Temperature", "0.2");
  type("Stop at", "END|###");
  button("Save").click();
  expect(asked().at(-1)).toEqual({
    kind: "save_preset", name: "dry", options: { temperature: 0.2, thinking: false, stop: ["END", "###"] }, replaces: "dry",
  });
  answer("save_preset", null, ERROR);
  await until(() => el.querySelector(".wb-optform ~ .wb-err:not([hidden])")?.textContent === "It broke. Try again.", "why not");
});

test("arrows move between the sections, and nothing typed reaches the notebook", async () => {
  const { el, press, field, tab } = await mounted(view({ notes: ["line 3: ask is no setting."] }));
  tab("Servers");
  el.querySelector<HTMLElement>("[role=tab]")!.focus();
  press("ArrowUp");
  expect(document.activeElement!.textContent).toBe("Export, import");
  expect(el.querySelector("[role=tabpanel]:not([hidden])")!.textContent).toContain("/c/settings.toml");
  expect(el.querySelector("[role=tabpanel]:not([hidden])")!.textContent).toContain("line 3: ask is no setting.");
  const heard = vi.fn();
  document.body.addEventListener("keydown", heard);
  field("File to write").focus();
  press("b");
  document.body.removeEventListener("keydown", heard);
  expect(heard).not.toHaveBeenCalled();
});

test("an export and an import say what came of them", async () => {
  const { tab, button, asked, answer, el, set, field } = await mounted();
  tab("Export, import");
  button("Export").click();
  expect(asked().at(-1)).toEqual({ kind: "export_settings", path: "workbench-settings.toml" });
  answer("export_settings", "/n/workbench-settings.toml");
  await until(() => el.textContent!.includes("Written: /n/workbench-settings.toml"), "where it is");
  set("File to read", "other.toml");
  field("File to read").closest(".wb-srow")!.querySelector("button")!.click();
  expect(asked().at(-1)).toEqual({ kind: "import_settings", path: "other.toml", merge: true });
});
