// Reads the lines of a UI message stream with a version of the AI SDK, and writes the message.
import { readFileSync } from "node:fs";

const { parseJsonEventStream, readUIMessageStream, uiMessageChunkSchema } = await import(process.argv[2]);
const schema = typeof uiMessageChunkSchema === "function" ? uiMessageChunkSchema() : uiMessageChunkSchema;
const lines = new Blob([readFileSync(0)]).stream();
const stream = parseJsonEventStream({ stream: lines, schema }).pipeThrough(
  new TransformStream({
    transform(parsed, controller) {
      if (!parsed.success) throw parsed.error;
      controller.enqueue(parsed.value);
    },
  }),
);
let message = null;
const refuse = (error) => {
  throw error;
};
for await (const each of readUIMessageStream({ stream, onError: refuse, terminateOnError: true })) message = each;
console.log(JSON.stringify(message.parts));
