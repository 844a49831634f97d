import type { Options } from '../options.js';
export async function runLauncher(_: Options): Promise<void> {}
