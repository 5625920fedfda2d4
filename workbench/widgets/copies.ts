// A living widget hides the static copy of itself that is saved with the notebook.

/** What the kernel marks the copies with: the attribute holds the session's id. */
const MARKS = ["chat", "browser", "comparison", "downloads", "history", "library", "panes", "picker", "settings"].map((session) => `data-wb-${session}`);

const hidden = new Map<string, { views: number; style: HTMLStyleElement }>();

/** Hides the written copies of a session while a living view of it is on the page. */
export function hideCopy(session: string, signal: AbortSignal): void {
  const id = CSS.escape(session);
  let entry = hidden.get(session);
  if (!entry) {
    const style = document.createElement("style");
    const box = `:is(${MARKS.map((mark) => `[${mark}="${id}"]`).join(", ")})`;
    style.textContent = `${box}, .jp-OutputArea-child:has(> .jp-OutputArea-output ${box}) { display: none; }`;
    document.head.append(style);
    entry = { views: 0, style };
    hidden.set(session, entry);
  }
  entry.views += 1;
  signal.addEventListener("abort", () => {
    entry.views -= 1;
    if (entry.views > 0) return;
    entry.style.remove();
    hidden.delete(session);
  });
}
