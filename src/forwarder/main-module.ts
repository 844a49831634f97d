/** Tells whether a module is the program that was started, or merely imported by it. */
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Real paths are compared, because npm's `bin` is a symbolic link and Node resolves links for modules only, and
 * paths rather than URLs, because a space is `%20` in one of them only. `node dist/forwarder` finds it without `.js`.
 */
export function isMainModule(moduleUrl: string): boolean {
  const program = process.argv[1];
  if (program === undefined) return false;
  const file = realpathSync(fileURLToPath(moduleUrl));
  return [program, `${program}.js`].some((path) => realPath(path) === file);
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    // `node -` and `node --eval` have arguments that are no files.
    return undefined;
  }
}
