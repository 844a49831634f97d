import { describe, expect, test } from 'vitest';
import { countTcp, countUnix } from '../../src/forwarder/connections.js';

const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:15B4 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:15B4 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1
   2: 0100007F:C350 0100007F:15B4 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 20 4 30 10 -1
   3: 0100007F:15B4 0100007F:C351 06 00000000:00000000 03:00000F2A 00000000     0        0 0 3 0
  10: 0100007F:15B4 0100007F:C352 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0 20 4 30 10 -1
  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 00000000000000000000000001000000:15B4 00000000000000000000000001000000:D6E0 01 00000000:00000000 00:0
   1: 0100007F:25B4 0100007F:C353 01 00000000:00000000 00:00000000 00000000     0        0 5 1 0 20 4 30 10 -1
`;

const UNIX = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000001: 00000002 00000000 00010000 0001 01 100 /tmp/a b/xsub
0000000000000002: 00000003 00000000 00000000 0001 03 101 /tmp/a b/xsub
0000000000000003: 00000003 00000000 00000000 0001 03 102
0000000000000004: 00000003 00000000 00000000 0001 03   7 /tmp/a b/xsub
0000000000000005: 00000003 00000000 00000000 0001 03 104 /tmp/a b/xsub2
`;

describe('connections to a forwarder', () => {
  test('at a TCP port are those that stand, each counted at the forwarder’s end, of both families', () => {
    expect(countTcp(TCP, 0x15b4)).toBe(3);
    expect(countTcp(TCP, 0x5b4)).toBe(0);
    expect(countTcp('', 5556)).toBe(0);
  });

  test('at a path are those that were accepted there', () => {
    expect(countUnix(UNIX, '/tmp/a b/xsub')).toBe(2);
    expect(countUnix(UNIX, '/tmp/a b')).toBe(0);
  });
});
