/** The forwarder, with an emitter beside it that says how the process is. */
import { createForwarder } from 'demitter';
import { Station } from '../station.js';

export async function runForwarder(): Promise<void> {
  // From XSUB_ADDRESS and XPUB_ADDRESS, or the usual ports.
  const forwarder = await createForwarder();
  const station = Station.start({ role: 'forwarder' });
  // Those who are still there are to be heard to the last; this emitter needs no forwarder to be closed.
  const { emitter } = station;
  station.onEnd(async () => {
    await emitter.close();
    await forwarder.close();
  });
  await station.ready();
}
