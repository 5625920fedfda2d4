import { Channel, type RowChange } from "../../workbench/widgets/channel";
import type { RowOp } from "../../workbench/widgets/protocol";

interface Row {
  id: string;
  percent: number;
}
interface View {
  id: string;
  rows: Row[];
  total: number;
}
type Request = { kind: "pause_download"; download: string };

function started() {
  const sent: { kind: string; id: number }[] = [];
  const channel = new Channel<View, Row, Request>((command) => sent.push(command));
  const heard: RowChange[] = [];
  channel.hello();
  channel.receive({ kind: "snap", seq: 0, state: { id: "t", rows: [{ id: "a", percent: 1 }], total: 1 } });
  channel.subscribe((change) => heard.push(change), new AbortController().signal);
  let seq = 0;
  const delta = (...ops: RowOp<View, Row>[]): void => channel.receive({ kind: "delta", seq: ++seq, t: 0, ops });
  return { channel, sent, heard, delta };
}

test("a row is replaced where it stands, a new one goes to the end, a dropped one is gone", () => {
  const { channel, heard, delta } = started();
  delta(["row", { id: "b", percent: 5 }], ["row", { id: "a", percent: 2 }]);
  expect(channel.view!.rows).toEqual([{ id: "a", percent: 2 }, { id: "b", percent: 5 }]);
  expect(channel.row("a")).toEqual({ id: "a", percent: 2 });
  expect(heard).toEqual([{ what: "all" }, { what: "row", id: "a" }]);
  delta(["drop", "a"]);
  expect(channel.view!.rows.map((row) => row.id)).toEqual(["b"]);
  expect(channel.row("a")).toBeUndefined();
});

test("fields are merged into the view; new rows replace all of them", () => {
  const { channel, heard, delta } = started();
  delta(["state", { total: 7 }]);
  expect(channel.view).toMatchObject({ id: "t", total: 7, rows: [{ id: "a" }] });
  expect(heard).toEqual([{ what: "state" }]);
  delta(["state", { rows: [{ id: "z", percent: 0 }] }]);
  expect(channel.row("a")).toBeUndefined();
  expect(channel.row("z")).toBeDefined();
  expect(channel.view!.total).toBe(7);
});

test("a command resolves with the data it asked for, and is refused without a kernel", async () => {
  const { channel, sent } = started();
  const asked = channel.request({ kind: "pause_download", download: "d1" });
  channel.receive({ kind: "ack", id: sent.at(-1)!.id, ok: true, error: null, data: [1, 2] });
  expect((await asked).data).toEqual([1, 2]);
  channel.setLive(false);
  expect((await channel.request({ kind: "pause_download", download: "d1" })).error!.message).toContain("no kernel");
});

test("after a gap it asks for the whole state again", () => {
  const { channel, sent, delta } = started();
  channel.receive({ kind: "delta", seq: 5, t: 0, ops: [["state", { total: 99 }]] });
  expect(sent.map((command) => command.kind)).toEqual(["hello", "hello"]);
  expect(channel.view!.total).toBe(1);
  delta(["state", { total: 98 }]);
  expect(channel.view!.total).toBe(1);
});
