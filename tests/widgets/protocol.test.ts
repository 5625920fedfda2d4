import { COMMAND_KINDS, MESSAGE_KINDS, OP_KINDS, STATUSES } from "../../workbench/widgets/protocol";
import type { Command, Message, MessageStatus, Op } from "../../workbench/widgets/protocol";

test("the lists of tags, which Python's tests read, are the tags of the types", () => {
  expectTypeOf<(typeof COMMAND_KINDS)[number]>().toEqualTypeOf<Command["kind"]>();
  expectTypeOf<(typeof MESSAGE_KINDS)[number]>().toEqualTypeOf<Message["kind"]>();
  expectTypeOf<(typeof OP_KINDS)[number]>().toEqualTypeOf<Op[0]>();
  expectTypeOf<(typeof STATUSES)[number]>().toEqualTypeOf<MessageStatus>();
  for (const tags of [COMMAND_KINDS, MESSAGE_KINDS, OP_KINDS, STATUSES]) expect(new Set(tags).size).toBe(tags.length);
});
