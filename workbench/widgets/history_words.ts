// The history's rows in their order and groups, and when things were, in words. Pure: rows in, items out.
import { plural } from "./format";
import type { ChatRow, FoundView, HitView } from "./history_protocol";
import { day, midnight } from "./library_words";

const DAY_S = 86_400;

/** One line of the list: the name of a group, a chat, a message that was found, how many more there are. */
export type Item =
  | { kind: "head"; words: string }
  | { kind: "chat"; row: ChatRow }
  | { kind: "hit"; row: ChatRow; hit: HitView }
  | { kind: "more"; row: ChatRow; words: string };

/** Pinned, Today, Yesterday, Last 7 days, then "November 2026". */
export function group(row: ChatRow, now: number): string {
  if (row.pinned) return "Pinned";
  const days = Math.round((midnight(now) - midnight(row.updated)) / DAY_S);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days < 7) return "Last 7 days";
  return new Date(row.updated * 1000).toLocaleDateString("en-GB", { month: "long", year: "numeric" });
}

/** The chats with a tag (null: all), pinned ones first, then the newest, under the names of their groups. */
export function listed(rows: ChatRow[], tag: string | null, now: number): Item[] {
  const shown = tag === null ? [...rows] : rows.filter((row) => row.tags.includes(tag));
  shown.sort((a, b) => Number(b.pinned) - Number(a.pinned) || b.updated - a.updated || a.id.localeCompare(b.id));
  const items: Item[] = [];
  let last = "";
  for (const row of shown) {
    const name = group(row, now);
    if (name !== last) items.push({ kind: "head", words: (last = name) });
    items.push({ kind: "chat", row });
  }
  return items;
}

/** What a search found, by chat; `rowOf` gives a chat as it is now. */
export function found(groups: FoundView[], rowOf: (id: string) => ChatRow | undefined): Item[] {
  return groups.flatMap(({ chat, hits, more }): Item[] => {
    const row = rowOf(chat.id) ?? chat;
    const lines: Item[] = hits.map((hit) => ({ kind: "hit", row, hit }));
    if (more > 0) lines.push({ kind: "more", row, words: `${plural(more, "more message")} with these words` });
    return [{ kind: "chat", row }, ...lines];
  });
}

/** "14:05" today, else the day. */
export function when(at: number, now: number): string {
  if (midnight(at) < midnight(now)) return day(at, now);
  return new Date(at * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

/** Who said a message. */
export function who(hit: HitView): string {
  return { user: "You", assistant: "Answer", system: "System", tool: "Tool" }[hit.role];
}

/** A key of what an item is, for finding it again when the list changed. */
export function keyOf(item: Item | undefined): string {
  if (!item) return "";
  if (item.kind === "head") return `head ${item.words}`;
  return item.kind === "hit" ? `hit ${item.hit.message}` : `${item.kind} ${item.row.id}`;
}
