/** Imports run one way (docs/architecture.md): a change that breaks this is a change of the architecture. */
const layer = (name, from, to) => ({
  name,
  severity: 'error',
  from: { path: from },
  to: { path: `^src/(${to})` },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    layer('wire-is-pure', '^src/wire/', 'transport|delivery|emitter|listeners|forwarder|cli|index|options'),
    layer(
      'delivery-sees-only-the-contract',
      '^src/delivery/',
      'transport/(?!transport)|emitter|forwarder|cli|index',
    ),
    layer('sending-knows-no-receiving', '^src/delivery/sending/', 'delivery/receiving'),
    layer('receiving-knows-no-sending', '^src/delivery/receiving/', 'delivery/sending'),
    layer('transport-knows-no-events', '^src/transport/', 'wire|delivery|emitter|forwarder|cli|index'),
    layer('drivers-are-strangers', '^src/transport/zmtp/', 'transport/memory'),
    layer('drivers-are-strangers-too', '^src/transport/memory', 'transport/zmtp'),
    layer(
      'listeners-know-no-network',
      '^src/(listeners|event-iterator|mixin|arguments|error-reporter)',
      'delivery|transport|wire|forwarder|cli|index',
    ),
    layer('forwarder-knows-no-emitter', '^src/(forwarder|cli)', 'emitter|delivery|wire|transport'),
    // Its door, which loads the rest on demand, is what an emitter may be told to host one by.
    layer('emitter-knows-no-forwarder', '^src/emitter', 'forwarder(?!/auto)|cli|index'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
};
