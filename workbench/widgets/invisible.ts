// Characters that cannot be seen, or that turn round what can: found, and marked in text that is HTML already.

/** Controls of direction and layout, zero-width characters, blank letters and the tags that hide words in a word. */
const UNSEEN =
  /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]+/gu;
/** Of these, what no one's writing needs: overrides of direction, controls, tags; and three or more of any in a row. */
const NEVER_MEANT = /[\0-\x1f\x7f-\x9f\u202d\u202e\ufff9-\ufffb\u{e0000}-\u{e0fff}]|.{3}/u;
const EMOJI = /[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f\u20e3#*0-9]$/u;
/** A flag of England, Scotland and the like: a black flag, letters as tags, the end tag. */
const FLAG_TAGS = /^[\u{e0061}-\u{e007a}]{2,6}\u{e007f}\u200d?$/u;
/** More of them in a row are named by their number. */
const MOST_NAMED = 3;

/**
 * HTML text in which such characters stand in a span that shows their code points. In code all are marked; in prose
 * only what no writing needs: right-to-left words keep their marks, emoji keep their joiners.
 */
export function marked(html: string, where: "code" | "prose"): string {
  return html.replace(UNSEEN, (run, at: number) => {
    if (where === "prose" && !NEVER_MEANT.test(run)) return run;
    if (belongsToEmoji(run, html.slice(Math.max(0, at - 2), at))) return run;
    return `<span class="wb-inv" data-chars="${named(run)}" title="Cannot be seen">${run}</span>`;
  });
}

/** How many characters of a code cannot be seen. */
export function unseenIn(code: string): number {
  let sum = 0;
  for (const { 0: run, index } of code.matchAll(UNSEEN)) {
    if (!belongsToEmoji(run, code.slice(Math.max(0, index - 2), index))) sum += [...run].length;
  }
  return sum;
}

/** Writes the code points out in place of the characters: for copies that have no style sheet. */
export function spellOut(root: ParentNode): void {
  for (const mark of root.querySelectorAll<HTMLElement>(".wb-inv")) mark.replaceWith(`[${mark.dataset.chars}]`);
}

function belongsToEmoji(run: string, before: string): boolean {
  if (/^\ufe0f?\u200d?$/u.test(run)) return EMOJI.test(before);
  return before.endsWith("\u{1f3f4}") && FLAG_TAGS.test(run);
}

function named(run: string): string {
  const points = [...run].map((char) => `U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`);
  return points.length > MOST_NAMED ? `${points[0]} and ${points.length - 1} more` : points.join(" ");
}
