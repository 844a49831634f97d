/** How it is told that events of somebody are missing, or are not theirs. */
import { DistributedError } from '../errors.js';
import { formatPublisherId, type PublisherId } from '../wire/batch.js';

export function lossError(
  publisher: PublisherId,
  eventName: PropertyKey,
  missed: number | undefined,
): DistributedError {
  const publisherId = formatPublisherId(publisher);
  const name = String(eventName);
  const what =
    missed === undefined
      ? `Events '${name}' of ${publisherId} were`
      : missed === 1
        ? `1 event '${name}' of ${publisherId} was`
        : `${missed} events '${name}' of ${publisherId} were`;
  return new DistributedError('loss', 'DEMITTER_LOSS', `${what} lost on the way and cannot be had again`, {
    eventName,
    missed,
    publisherId,
  });
}

export function forgeryError(publisher: PublisherId, eventName: PropertyKey): DistributedError {
  const publisherId = formatPublisherId(publisher);
  return new DistributedError(
    'protocol',
    'DEMITTER_PROTOCOL',
    `A message came as event '${String(eventName)}' of ${publisherId}, who has not sent it. It was dropped`,
    { eventName, publisherId },
  );
}
