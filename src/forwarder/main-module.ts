/** Tells whether a module is the program that was started, or merely imported by it. */
import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * True if the program `node` was given is this module, whose file is called `name`, also by way of a symbolic link.
 *
 * Real paths are compared, as Node resolves links for modules but not for its arguments, and paths rather than
 * URLs, as a space is `%20` in a URL only. The name keeps an application that was bundled into one file, where
 * every module is the program, from starting a forwarder.
 */
export function isMainModule(moduleUrl: string, name: string): boolean {
  const program = process.argv[1];
  if (program === undefined) return false;
  // `node dist/forwarder` finds it without the extension, beside the folder of that name.
  return [program, `${program}.js`].some((path) => {
    const file = realPath(path);
    return file !== undefined && basename(file) === name && file === realPath(fileURLToPath(moduleUrl));
  });
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    // What follows `node --eval` or `node -` need not be a file.
    return undefined;
  }
}
