/** How much each source carries each token of an answer. */
export interface Attribution {
  /** Version; with `-utf-16`, offsets count UTF-16 units, else characters. */
  schema: 2 | "2-utf-16";
  question: string;
  answer: string;
  chunks: Chunk[];
  /** The sources that were scored, one for each row of `scores`. */
  sources: Source[];
  statements: Statement[];
  /** `[sources, answer tokens]`: log p(token) with the full context minus without the source, in nats. Positive where the source supports the token. */
  scores: number[][];
  /** `[sources]`: whether the score is exact leave-one-out on the target in the full context. */
  exact: boolean[];
  /** What each source's score measures. */
  estimands: ("target_loo" | "proxy_loo" | "target_pruned_loo" | "proxy_pruned_loo" | "target_knockout" | "proxy_knockout" | "target_attention" | "proxy_attention" | "dropped" | "unscored" | "through" | "baseline")[];
  /** Span in the answer of each of its tokens. */
  token_spans: [number, number][];
  /** `[answer tokens]`: log p(token) with the full context, in nats. */
  token_log_probs: number[];
  /** `[answer tokens]`: log p(token) with every chunk removed, in nats. */
  token_log_probs_without_context: number[];
  /** Sources that statements depend on or that state them, see `Citation.basis`, by statement; `shown_citations` are those that the statements' labels do not deny. */
  citations: Citation[];
  /** Name of the method that gave the scores. */
  method: string;
  cost: Cost;
  /** Where each chunk stands in the captured prompt; empty in template mode. */
  locations: ChunkLocation[];
  /** The caller's identifier of the request. */
  id: string | null;
  /** `[sources, answer tokens]`: log p(token) with this source alone minus with none, in nats, where the method scores it. */
  sufficiency: number[][] | null;
  /** What a random check of the unscored sources found, where the method makes one. */
  audit: Audit | null;
  /** Sources that say the same for a statement, at most one group for each. */
  alternatives: Alternatives[];
  /** How well the context supports each statement. */
  support: Support[];
  /** Why scoring ended before all was done, such as "max_seconds=2 reached after 8 of 60 sources were rescored"; `null` if it did not. */
  stopped: string | null;
  /** `[sources, statements]`: how clearly each source states each statement, 0 to 1, by the verifier; `null` where none was asked. */
  stated: number[][] | null;
  /** Name of the verifier. */
  verifier: string | null;
  /** Why the verifier's scores are missing, where it failed. */
  unverified: string | null;
  /** What the citations of a statement carry together, where that was measured. */
  certificates: Certificate[];
  /** What models wrote on the way to the answer, each before those that rest on it, where the answer was led through such texts to its sources. */
  steps: Step[];
  /** What each statement rests on at first, steps included; empty where there are no steps, and the citations say it. */
  hops: Hop[];
  /** `[statements]`: what the citations of each carry together, where that was measured. */
  carried: (string | null)[];
  /** `[statements]`: what readers must be told of each beside its citations. */
  remarks: (string | null)[];
  /** What readers must be told beside the citations: what was not scored or not judged. */
  notes: string[];
}

/** One retrieved piece of text. */
export interface Chunk {
  /** The text as it was retrieved, with the metadata that the prompt shows with it, if any. */
  text: string;
  /** The caller's identifier, handed back on citations. */
  id: string | null;
  /** The caller's metadata (title, link, page, …), handed back on citations; read-only. */
  metadata: Record<string, unknown>;
  /** Where the retrieved text itself stands in `text`; by default it is all of it. */
  body?: [number, number];
  /** Stretches of `text` outside of `body` that are metadata, such as a file's name above it; each is a source of its own. */
  shown_metadata?: [number, number][];
  /** Where it was cut from. What several chunks of a document show of the same stretch is one source, which is removed from all of them. */
  origin?: Origin;
  /** Where in the conversation it was said; `null` for what was retrieved. */
  said?: ConversationPart;
}

/** Where a chunk was cut from; chunks of one document may show the same stretch of it. */
export interface Origin {
  /** Id of the document. */
  document: string;
  /** Stretches of the chunk's text that stand in the document as they are, in order: start and end in the chunk's text, and start in the document. None if that is unknown. */
  stretches: [number, number, number][];
}

/** What was said where in a conversation. */
export interface ConversationPart {
  /** What it is; never `retrieved`. */
  kind: "retrieved" | "system" | "user" | "assistant" | "tool" | "tool_call" | "summary" | "memory";
  /** Which turn it belongs to, of those that the model was shown: each question of the user starts one, from 1; 0 before the first. */
  turn: number;
  /** Role of its message, as the chat template is told it. */
  role: string;
  /** Name of the tool, or of several, where it is known. */
  name: string | null;
}

/** A piece of the context that an ablation can remove. */
export interface Source {
  /** Number within one attribution, sentences before chunks; a source's only identity. */
  id: number;
  /** Whether this is a sentence or a whole chunk. */
  level: "sentence" | "chunk";
  /** Which chunk it belongs to, from 0. */
  chunk_index: number;
  /** Which sentence of the chunk it is, from 0; `null` for a whole chunk, and for metadata. */
  sentence_index: number | null;
  /** Offset in the chunk's text of the first character. */
  start: number;
  /** Offset in the chunk's text behind the last character. */
  end: number;
  /** `chunk.text[start:end]`. */
  text: string;
  /** Ids of the sentences that removing this source removes: a sentence's own id, and those of the same sentence in chunks that overlap. */
  sentence_ids: number[];
  /** Whether it is retrieved text, or metadata that is shown with it. */
  part: "text" | "metadata";
}

/** One sentence of the answer, or one field of a structured one. */
export interface Statement {
  index: number;
  /** Offset in the answer of the first character. */
  start: number;
  /** Offset in the answer behind the last character. */
  end: number;
  /** `answer[start:end]`. */
  text: string;
  /** Half-open range of the answer's tokens that belong to it; ranges tile the answer. */
  tokens: [number, number];
  /** Where it stands in a structured answer, as JSONPath (RFC 9535), such as `$.people[0].name`; `null` in prose. */
  path: string | null;
}

/** A source that supports a statement. */
export interface Citation {
  /** Number shown to readers: one for each cited chunk, from 1, by first appearance. */
  number: number;
  statement_index: number;
  source_id: number;
  chunk_index: number;
  chunk_id: string | null;
  /** Offset in the answer where the supported statement starts. */
  answer_start: number;
  /** Offset in the answer behind the supported statement. */
  answer_end: number;
  /** Offset in the chunk where the supporting text starts. */
  chunk_start: number;
  /** Offset in the chunk behind the supporting text. */
  chunk_end: number;
  /** The supporting text, `chunk.text[chunk_start:chunk_end]`. */
  text: string;
  /** Fall of the statement's log-likelihood when the source is removed, in nats. */
  score: number;
  /** Whether the score is exact leave-one-out on the target. */
  exact: boolean;
  /** Share of the statement's positive scores, 0 to 1; for an alternative, its equal part of what the alternatives carry together. */
  share: number;
  /** Ids of other sources that say the same: any of them, or this one, is enough. The score of each is small then, and `sufficiency` says what it carries. */
  alternatives: number[];
  /** What this source alone restores of the statement's log-likelihood, in nats, where it was looked at. */
  sufficiency: number | null;
  /** Whether the source is retrieved text, or metadata that the prompt shows with it. */
  part: "text" | "metadata";
  /** Why it is cited. */
  basis: "depends" | "states" | "both";
  /** What the verifier says of source and statement, 0 to 1; `null` where none was asked. */
  states: number | null;
  /** Where in the conversation the source was said; `null` for retrieved text. */
  said: ConversationPart | null;
}

/** What an attribution cost. */
export interface Cost {
  /** Wall-clock seconds, from the call to the result. */
  seconds: number;
  models: ModelCost[];
}

/** What one model ran. */
export interface ModelCost {
  model: string;
  /** Parameters of the model. */
  parameters: number;
  /** Tokens run through the model. */
  tokens: number;
  /** Forward passes. */
  passes: number;
  /** Tokens that naive leave-one-out would run for the same ablations on this model. */
  naive_tokens: number;
}

/** Where a chunk stands in a captured prompt. */
export interface ChunkLocation {
  chunk_index: number;
  outcome: "found" | "repeated" | "partial" | "overlapping" | "not_found" | "blank";
  /** Message index, start and end of every occurrence that belongs to this chunk. */
  places: [number, number, number][];
  /** How the prompt shows the chunk; of several occurrences, the one that differs most. */
  dress: "exact" | "normalized" | "reformatted" | "escaped";
  /** Which spans of the chunk's text stand in the prompt, if it is `partial`. */
  shown: [number, number][];
  /** Whether text of the chunk may stand in the prompt outside of all places: it is not located, but many of its words are there, or a part of it stands somewhere else. */
  traces: boolean;
}

/** What a random check of the sources that a screen let go found. */
export interface Audit {
  /** Sources checked. */
  sampled: number;
  /** Sources that the screen let go, checked ones included. */
  dropped: number;
  /** Checked sources whose exact score reaches the threshold. */
  missed: number;
  /** Estimated share of the sources above the threshold that were rescored, 0 to 1. */
  recall: number;
}

/** Sources that say the same for a statement: any of them is enough. */
export interface Alternatives {
  statement_index: number;
  /** The sources, the most sufficient first. */
  source_ids: number[];
  /** For each source: log-likelihood of the statement with it alone minus with none, in nats. */
  sufficiency: number[];
  /** Fall of the statement's log-likelihood when all of them are removed together, in nats. */
  joint_score: number;
}

/** How well the context supports one statement. */
export interface Support {
  statement_index: number;
  label: "supported" | "unsupported" | "parametric" | "uncertain" | "unknown";
  /** Of the statement with the full context, in nats. */
  log_likelihood: number;
  /** Of the statement with every chunk removed, in nats. */
  log_likelihood_without_context: number;
  /** Calibrated probability that the context supports the statement, where one is configured. */
  probability: number | null;
  /** Why the statement could not be judged, where it is `unknown`. */
  reason: string | null;
}

/** What the sources cited for a statement carry together, as a set. */
export interface Certificate {
  statement_index: number;
  /** The cited sources. */
  source_ids: number[];
  /** Log-likelihood with the full context minus with none. */
  gain: number;
  /** Log-likelihood with these sources alone minus with none. */
  hold: number;
  /** Log-likelihood with the full context minus without these sources. */
  drop: number;
  /** Share of the context's gain that the set alone restores. */
  held: number | null;
}

/** A text that a model wrote on the way to the answer, and was shown for it. */
export interface Step {
  text: string;
  /** Its statements, with offsets in `text`. */
  statements: Statement[];
  /** How well what its own call saw supports each. */
  support: Support[];
  /** What its statements rest on: passages, and steps before it in `Attribution.steps`. */
  hops: Hop[];
  /** What it is: an intermediate answer, or what the model thought before it answered. */
  kind: "answer" | "thoughts";
}

/** From one statement to a text that it rests on: a passage, or a part of a step. */
export interface Hop {
  statement_index: number;
  /** Share of the statement's positive scores, 0 to 1, before anything is multiplied. */
  share: number;
  /** Fall of the statement's log-likelihood when the text is removed, in nats. */
  score: number;
  /** Whether the score is exact leave-one-out on the target. */
  exact: boolean;
  /** Offset in the chunk or the step where the text starts. */
  start: number;
  /** Offset in the chunk or the step behind the text. */
  end: number;
  text: string;
  /** The chunk that the text stands in; `null` if it stands in a step. */
  chunk_index: number | null;
  /** The place in `Attribution.steps` of the step that it stands in; `null` for a chunk. */
  step_index: number | null;
  /** As a citation's basis; `copied`, if the statement is word for word one of the step, and depends on nothing that its own call saw. */
  basis: "depends" | "states" | "both" | "copied";
}

/** What a page needs of a result, see `render.answer_data`. */
export interface AnswerData {
  /** Version; with `-utf-16`, offsets count UTF-16 units, else characters. */
  schema: "2-utf-16";
  /** The caller's identifier of the request. */
  id: string | null;
  question: string;
  answer: string;
  statements: Statement[];
  /** Sources that statements depend on or that state them, see `Citation.basis`, by statement; `shown_citations` are those that the statements' labels do not deny. */
  citations: Citation[];
  /** How well the context supports each statement. */
  support: Support[];
  /** Name of the method that gave the scores. */
  method: string;
  cost: Cost;
  /** Name of the verifier. */
  verifier: string | null;
  /** `[statements]`: what the citations of each carry together, where that was measured. */
  carried: (string | null)[];
  /** `[statements]`: what readers must be told of each beside its citations. */
  remarks: (string | null)[];
  /** What readers must be told beside the citations: what was not scored or not judged. */
  notes: string[];
  chunks: ShownChunk[];
}

/** What a page needs of a chunk. */
export interface ShownChunk {
  /** The text as it was retrieved, with the metadata that the prompt shows with it, if any. */
  text: string;
  /** The caller's identifier, handed back on citations. */
  id: string | null;
  /** Name shown to readers. */
  title: string | null;
  /** Headings that it stands below. */
  section: string | null;
  /** Page, or range of pages. */
  page: string | null;
  /** Safe web address. */
  url: string | null;
}

/** The element `<attribot-answer>`. */
export class AttribotAnswer extends HTMLElement {
  /** What is shown; the attribute of this name takes it as JSON. */
  result: Attribution | AnswerData | null;
  /** The text so far, while there is no result. */
  answer: string;
}

/** A reader has chosen a citation; `preventDefault()` leaves it to the page to show it. */
export type SourceEvent = CustomEvent<{ citation: Citation; chunk: Chunk | ShownChunk }>;

declare global {
  interface HTMLElementTagNameMap {
    "attribot-answer": AttribotAnswer;
  }
  interface HTMLElementEventMap {
    "attribot-source": SourceEvent;
  }
}
