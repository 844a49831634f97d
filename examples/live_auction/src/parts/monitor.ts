export async function runMonitor(_: { isPlain: boolean }): Promise<void> {}
