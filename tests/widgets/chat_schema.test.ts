// An answer that was asked in a shape: its JSON, laid out as it comes, and the line that says what held it.
import { laidOut, schemaMarkdown } from "../../workbench/widgets/chat_schema";
import type { SchemaView } from "../../workbench/widgets/protocol";
import { shown, visible } from "./chat_fixture";
import { fakeLayout, message, until } from "./fixtures";

fakeLayout();

const schema = (more: Partial<SchemaView> = {}): SchemaView => ({ name: "Person", enforced: null, valid: null, error: "", ...more });

test("JSON is laid out as Python's json.dumps does it with an indent", () => {
  const value = { a: [1, { b: 'x, "y": {' }], c: {}, d: [], e: "\\", f: null };
  expect(laidOut(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
  expect(laidOut('{ "n" : 12345678901234567890.10 }')).toBe('{\n  "n": 12345678901234567890.10\n}');
});

test("what is laid out does not change when more comes", () => {
  const json = JSON.stringify({ a: [1, [], { b: "q\"u,{" }], c: {}, d: true });
  let before = "";
  for (let end = 1; end <= json.length; end++) {
    const now = laidOut(json.slice(0, end));
    expect(now.startsWith(before)).toBe(true);
    before = now;
  }
});

test("only JSON goes into a block, which no text inside can close", () => {
  expect(schemaMarkdown("Hello", schema(), false)).toBe("Hello");
  expect(schemaMarkdown('{"a": 1}', null, false)).toBe('{"a": 1}');
  expect(schemaMarkdown("[1] says so", schema({ enforced: "checked", valid: false }), false)).toBe("[1] says so");
  expect(schemaMarkdown('["```"]', schema({ enforced: "checked" }), false)).toBe('````json\n[\n  "```"\n]\n````');
  expect(schemaMarkdown('{"a": ', schema({ enforced: "grammar" }), false)).toBe('```json\n{\n  "a": \n```');
});

test("the line is there from the start, and says at the end what held the answer", async () => {
  const writing = message("a1", { status: "writing", text: '{"name": ', schema: schema() });
  const { find, delta } = await shown({ messages: [writing] });
  const line = find(".wb-shape");
  expect(visible(line)).toBe(true);
  expect(line.textContent).toBe("PersonJSON");
  expect(find(".wb-code code, .wb-code pre").textContent).toContain('"name"');
  await delta(["text", "a1", '"Ann"}'], ["patch", "a1", { status: "done", schema: schema({ enforced: "grammar", valid: true }) }]);
  await until(() => find(".wb-shape").textContent === "PersonJSON, enforced by the grammar", "the line at the end");
  expect(find(".wb-shape .wb-bdg").className).toContain("wb-ok");
  expect(find(".wb-code pre").textContent?.trim()).toBe('{\n  "name": "Ann"\n}');
});

test("what does not fit is said, and why", async () => {
  const bad = message("a1", {
    status: "done", text: '{"name": 3}',
    schema: schema({ name: "", enforced: "checked", valid: false, error: "$.name: 3 is not of type 'string'" }),
  });
  const { find } = await shown({ messages: [bad] });
  expect(find(".wb-shape .wb-bdg").textContent).toBe("Does not fit the schema");
  expect(find(".wb-shape").textContent).toContain("$.name: 3 is not of type 'string'");
  expect(find(".wb-shape .wb-bdg").className).toContain("wb-err");
});

test("free text has no such line", async () => {
  const { el } = await shown({ messages: [message("a1", { status: "done", text: "{}" })] });
  expect(el.querySelector<HTMLElement>(".wb-shape")!.hidden).toBe(true);
  expect(el.querySelector(".wb-code")).toBeNull();
});
