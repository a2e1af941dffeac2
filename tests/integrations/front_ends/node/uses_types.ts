// Compiled by the tests: what the shipped types allow, and what they refuse.
import type { UIMessage } from "ai";

import type { AnswerData } from "./shipped/attribot-answer.js";
import { AttribotAnswer } from "./shipped/attribot-answer.js";
import { ofAnswerData, ofAttribution } from "./shipped/values.js";

type Message = UIMessage<unknown, { citations: AnswerData }>;

const element = document.querySelector("attribot-answer");
if (element) {
  element.result = ofAttribution;
  element.result = ofAnswerData;
  element.answer += "text";
  element.addEventListener("attribot-source", (event) => {
    const { citation, chunk } = event.detail;
    console.log(citation.chunk_start, chunk.text, citation.basis === "both");
    // @ts-expect-error: there is no such basis
    console.log(citation.basis === "guessed");
  });
}
const label: "supported" | "unsupported" | "parametric" | "uncertain" | "unknown" | undefined =
  ofAttribution.support[0]?.label;
// @ts-expect-error: it may be unknown
const from: number = ofAttribution.chunks[0]!.body[0];
console.log(label, from, new AttribotAnswer() instanceof HTMLElement);

export function received(message: Message): void {
  for (const part of message.parts) {
    if (part.type === "data-citations" && element) element.result = part.data;
    if (part.type === "source-url") console.log(part.sourceId, part.url, part.title);
  }
}
