// Generation options as people read them. Limits are not here: they are checked where the options are made.

/** The options that are a number: name, its words, and what it does. */
export const NUMBERS: [string, string, string][] = [
  ["temperature", "Temperature", "0 always takes the likeliest; up to 5"],
  ["top_p", "Top p", "above 0, up to 1"],
  ["top_k", "Top k", "0 is off"],
  ["min_p", "Min p", "0 to 1; 0 is off"],
  ["repetition_penalty", "Repetition penalty", "1 is off"],
  ["max_tokens", "Most tokens", "thinking included"],
  ["seed", "Seed", "repeats an answer"],
];

const LABELS = new Map([
  ...NUMBERS.map(([name, label]): [string, string] => [name, label]),
  ["stop", "Stop at"],
  ["context_length", "Context"],
  ["thinking", "Thinking"],
] as [string, string][]);

/** What an option is called. */
export function labelOf(option: string): string {
  return LABELS.get(option) ?? option.replaceAll("_", " ");
}

/** "Temperature 0.2, seed 1": the options that are set, in a line. */
export function optionsLine(options: Record<string, unknown>): string {
  const words = Object.entries(options).map(([name, value]) => {
    const label = labelOf(name).toLowerCase();
    if (typeof value === "boolean") return `${label} ${value ? "on" : "off"}`;
    return `${label} ${Array.isArray(value) ? value.map((each) => JSON.stringify(each)).join(" ") : String(value)}`;
  });
  const line = words.join(", ");
  return line.charAt(0).toUpperCase() + line.slice(1);
}
