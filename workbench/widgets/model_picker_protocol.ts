// What the picker on its own exchanges with the kernel: types and tags only.
import { Channel } from "./channel";
import type { ChoiceView } from "./protocol";

/** Tags of what it may ask, in the order of `PickerCommand` in workbench/commands.py. */
export const MODEL_PICKER_KINDS = ["hello", "choose_model", "list_models"] as const;

export type PickerRequest = { kind: "hello" | "list_models" } | { kind: "choose_model"; model: string; force?: boolean };

export interface PickerView extends ChoiceView {
  id: string;
  /** It has no rows. */
  rows?: never[];
}

/** The browser's copy of a picker. */
export class PickerStore extends Channel<PickerView, never, PickerRequest> {}
