/**
 * Property tests draw the same cases in every run, so that a change is judged by what it changes. To look further:
 * `PROPERTY_SEED=$RANDOM npm run test:run -- test/unit`.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.PROPERTY_SEED ?? 1) });
