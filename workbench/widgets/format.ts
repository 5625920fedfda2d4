// Numbers as words. An unknown number is a dash, never zero.

const WHOLE = new Intl.NumberFormat("en-GB");

export function count(value: number): string {
  return WHOLE.format(Math.round(value));
}

export function plural(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? "" : "s"}`;
}

/** 0.02 s, 1.6 s, 12 s, 2 min 5 s. */
export function seconds(value: number): string {
  if (value >= 120) return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
  if (value >= 20) return `${Math.round(value)} s`;
  return `${value.toFixed(value < 1 ? 2 : 1)} s`;
}

export function rate(tokensPerSecond: number): string {
  return tokensPerSecond >= 1000 ? count(tokensPerSecond) : tokensPerSecond.toFixed(1);
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

function unitOf(bytes: number): number {
  const unit = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  return unit < UNITS.length - 1 && Math.round(bytes / 1000 ** unit) >= 1000 ? unit + 1 : unit; // no "1000 MB"
}

function inUnit(bytes: number, unit: number): string {
  const value = bytes / 1000 ** unit;
  return value.toFixed(unit >= 3 && value < 100 ? 1 : 0);
}

/** 7 MB, 1.8 GB, 214 GB; null is a dash. */
export function size(bytes: number | null): string {
  if (bytes === null) return "–";
  const unit = unitOf(bytes);
  return `${inUnit(bytes, unit)} ${UNITS[unit]}`;
}

/** "1.1 of 1.8 GB": both in the unit of the whole. */
export function sizeOf(done: number, total: number): string {
  const unit = unitOf(total);
  return `${inUnit(done, unit)} of ${inUnit(total, unit)} ${UNITS[unit]}`;
}

/** 38 MB/s; null is a dash. */
export function speed(bytesPerSecond: number | null): string {
  return bytesPerSecond === null ? "–" : `${size(bytesPerSecond)}/s`;
}

/** Whole seconds as people say them: 9 s, 1 min 9 s, 1 h 6 min. */
export function duration(value: number): string {
  const whole = Math.round(value);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Tokens of a context, in units of 1,024: 900, 4.6k, 32k. */
export function tokensShort(tokens: number): string {
  if (tokens < 1000) return String(tokens);
  const thousands = tokens / 1024;
  const rounded = thousands >= 10 ? Math.round(thousands) : Math.round(thousands * 10) / 10;
  return `${rounded}k`;
}

export function percent(done: number, total: number): number {
  return total > 0 ? Math.min(100, Math.round((100 * done) / total)) : 0;
}

/** A model id as people say it: without the organisation or folder; one of a server keeps the server's name. */
export function modelName(id: string): string {
  const remote = /^[^/\\]+:/.test(id);
  return remote ? id : (id.split(/[/\\]/).findLast(Boolean) ?? id);
}
