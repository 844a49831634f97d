/**
 * Requests and answers as data of events (docs/protocol.md, section 3.8): a request is a pair of its number and what is asked,
 * a question after it the number alone, and an answer a triple of the request's number, what kind of answer it is, and the
 * answer.
 */

/** `left`: who was asked is closing, and will not answer. `working`: it has the request, and has not answered yet. */
export const AnswerKind = { value: 0, error: 1, left: 2, working: 3 } as const;
export type AnswerKind = (typeof AnswerKind)[keyof typeof AnswerKind];

export type RequestData = readonly [number: number, data: unknown];
/** Who is at work on the request of that number? */
export type QuestionData = readonly [number: number];
export type AnswerData = readonly [number: number, kind: AnswerKind, answer: unknown];

export function isRequestData(value: unknown): value is RequestData {
  return isNumbered(value, 2);
}

export function isQuestionData(value: unknown): value is QuestionData {
  return isNumbered(value, 1);
}

export function isAnswerData(value: unknown): value is AnswerData {
  if (!isNumbered(value, 3)) return false;
  const [, kind, answer] = value;
  if (kind === AnswerKind.error) return answer instanceof Error;
  return kind === AnswerKind.value || kind === AnswerKind.left || kind === AnswerKind.working;
}

/** Numbers begin with 1. */
function isNumbered(value: unknown, length: number): value is readonly unknown[] {
  return Array.isArray(value) && value.length === length && Number.isSafeInteger(value[0]) && value[0] > 0;
}
