import type { Command, Op } from "../../workbench/widgets/protocol";
import { ChatStore, type Change } from "../../workbench/widgets/store";
import { chatView, message, model } from "./fixtures";

function started(changes = {}) {
  const sent: Command[] = [];
  const store = new ChatStore((command) => sent.push(command));
  store.hello();
  store.receive({ kind: "snap", seq: 4, state: chatView({ messages: [message("a", { text: "one" })], ...changes }) });
  const delta = (seq: number, ...ops: Op[]): void => store.receive({ kind: "delta", seq, t: 0, ops });
  return { store, sent, delta };
}

test("deltas that follow the snapshot are folded in order", () => {
  const { store, delta } = started();
  delta(5, ["text", "a", " two"], ["reasoning", "a", "hm"], ["patch", "a", { status: "writing", tokens: 2 }]);
  delta(6, ["text", "a", " three"], ["state", { run: "r1" }]);
  expect(store.message("a")).toMatchObject({ text: "one two three", reasoning: "hm", status: "writing", tokens: 2 });
  expect(store.view).toMatchObject({ run: "r1", messages: [{ text: "one two three" }] });
});

test("a new message goes to the end, a known one is replaced where it stands, one after the cut is gone", () => {
  const { store, delta } = started();
  delta(5, ["message", message("b", { text: "b" })], ["message", message("a", { text: "new a" })]);
  expect(store.view!.messages.map((each) => each.text)).toEqual(["new a", "b"]);
  delta(6, ["cut", "a"]);
  expect(store.view!.messages.map((each) => each.id)).toEqual(["a"]);
  expect(store.message("b")).toBeUndefined();
});

test("after a gap nothing is shown that may be wrong: it says hello and waits for the snapshot", () => {
  const { store, sent, delta } = started();
  delta(6, ["text", "a", " LOST ITS NEIGHBOUR"]);
  expect(sent.map((command) => command.kind)).toEqual(["hello", "hello"]);
  delta(7, ["text", "a", " ignored"]);
  expect(store.message("a")!.text).toBe("one");
  store.receive({ kind: "snap", seq: 7, state: chatView({ messages: [message("a", { text: "whole" })] }) });
  delta(7, ["text", "a", " stale"]);
  delta(8, ["text", "a", " again"]);
  expect(store.message("a")!.text).toBe("whole again");
  expect(sent).toHaveLength(2);
});

test("a snapshot that got lost is asked for again, not once a delta", () => {
  vi.useFakeTimers();
  const { sent, delta } = started();
  for (let seq = 7; seq < 50; seq++) delta(seq, ["text", "a", "x"]);
  expect(sent.filter((command) => command.kind === "hello")).toHaveLength(2);
  vi.advanceTimersByTime(2500);
  for (let seq = 50; seq < 60; seq++) delta(seq, ["text", "a", "x"]);
  expect(sent.filter((command) => command.kind === "hello")).toHaveLength(3);
  vi.useRealTimers();
});

test("a command has a number of its own and resolves with its answer", async () => {
  const { store, sent } = started();
  const refused = store.request({ kind: "send", text: "" });
  const taken = store.request({ kind: "list_models" });
  const [first, second] = sent.slice(-2) as [Command, Command];
  expect(first.id).not.toBe(second.id);
  expect(store.waiting).toBe(3); // with the hello, which nobody answered
  const error = { kind: "EmptyPromptError", message: "Nothing", next_step: "", details: "", retryable: false };
  store.receive({ kind: "ack", id: second.id, ok: true, error: null });
  store.receive({ kind: "ack", id: first.id, ok: false, error });
  expect((await taken).ok).toBe(true);
  expect((await refused).error).toEqual(error);
  expect(store.waiting).toBe(1);
});

test("without a kernel every command is refused, those under way too", async () => {
  const { store, sent } = started();
  const under = store.request({ kind: "send", text: "hi" });
  store.setLive(false);
  expect((await under).ok).toBe(false);
  const before = sent.length;
  expect((await store.request({ kind: "send", text: "again" })).error!.message).toContain("no kernel");
  expect(sent).toHaveLength(before);
});

test("listeners hear which message changed, until their view is gone", () => {
  const { store, delta } = started();
  const life = new AbortController();
  const heard: Change[] = [];
  store.subscribe((change) => heard.push(change), life.signal);
  delta(5, ["text", "a", "x"], ["state", { listing: true }], ["message", message("b")]);
  expect(heard).toEqual([{ what: "message", id: "a" }, { what: "state" }, { what: "all", id: "b" }]);
  life.abort();
  delta(6, ["text", "a", "x"]);
  expect(heard).toHaveLength(3);
});

test("the model last used of each kind is remembered for the Local/Remote switch", () => {
  const { store, delta } = started();
  delta(5, ["state", { model: model("ollama:llama3.2") }]);
  delta(6, ["state", { model: model("org/other") }]);
  expect(store.lastUsed).toEqual({ local: "org/other", remote: "ollama:llama3.2" });
});

test("a cut ends the transcript after a message, or empties it; one that is not known asks for everything anew", () => {
  const { store, sent, delta } = started({ messages: [message("a"), message("b"), message("c")] });
  delta(5, ["cut", "a"], ["message", message("d")]);
  expect(store.view!.messages.map((each) => each.id)).toEqual(["a", "d"]);
  expect([store.message("b"), store.message("c")]).toEqual([undefined, undefined]);
  delta(6, ["cut", null]);
  expect(store.view!.messages).toEqual([]);
  delta(7, ["cut", "b"]);
  expect(sent.at(-1)!.kind).toBe("hello");
});
