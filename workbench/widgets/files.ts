// Has the browser save a file that the kernel made.
import { h } from "./dom";

export interface MadeFile {
  name: string;
  text: string;
  media_type: string;
}

export function download({ name, text, media_type }: MadeFile): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${media_type};charset=utf-8` }));
  const link = h("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
