/**
 * Requests and answers as data of events (docs/protocol.md, section 3.8): a request is a pair of its number and what is asked,
 * an answer a triple of the request's number, what kind of answer it is, and the answer.
 */

/** `left`: who was asked is closing, and will not answer. */
export const AnswerKind = { value: 0, error: 1, left: 2 } as const;
export type AnswerKind = (typeof AnswerKind)[keyof typeof AnswerKind];

export type RequestData = readonly [number: number, data: unknown];
export type AnswerData = readonly [number: number, kind: AnswerKind, answer: unknown];

export function isRequestData(value: unknown): value is RequestData {
  return Array.isArray(value) && value.length === 2 && Number.isSafeInteger(value[0]);
}

export function isAnswerData(value: unknown): value is AnswerData {
  if (!Array.isArray(value) || value.length !== 3 || !Number.isSafeInteger(value[0])) return false;
  const [, kind, answer] = value as [unknown, unknown, unknown];
  return kind === AnswerKind.error
    ? answer instanceof Error
    : kind === AnswerKind.value || kind === AnswerKind.left;
}
