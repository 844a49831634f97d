/** The terminal as it was: whoever draws on it restores it himself, unless he is killed. */
import { spawnSync } from 'node:child_process';

const SHOW_CURSOR = '\x1b[?25h';
const LEAVE_SCREEN = '\x1b[?1049l';

/** Returns what restores it. `isLeft`: who drew on it was killed, and it still shows his screen. */
export function saveTerminal(): (isLeft: boolean) => void {
  const saved = stty('-g');
  return (isLeft) => {
    if (isLeft) process.stdout.write(LEAVE_SCREEN);
    process.stdout.write(SHOW_CURSOR);
    if (saved !== undefined) stty(saved);
  };
}

function stty(argument: string): string | undefined {
  const { status, stdout } = spawnSync('stty', [argument], {
    stdio: ['inherit', 'pipe', 'ignore'],
    encoding: 'utf8',
  });
  return status === 0 ? stdout.trim() : undefined;
}
