/** What a forwarder takes that has nothing to do: the program `demitter-forwarder`, with default options. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Measurement } from '../scenario.js';

const PROGRAM = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** From its first line on, until it has come to rest. */
const SETTLE_MS = 500;

export function missingProc(): string | undefined {
  return existsSync('/proc/self/status') ? undefined : 'memory is read from /proc';
}

export async function measureForwarderMemory(): Promise<Measurement> {
  const child = spawn(process.execPath, [PROGRAM, '--xsub-port', '0', '--xpub-port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(child.stdout, 'data');
    await sleep(SETTLE_MS);
    return { figures: { memory: residentMegabytes(child.pid as number) } };
  } finally {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
}

function residentMegabytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1000;
}
