/** Where options come from, and what messages call them. */

/** What messages call an option: as its user wrote it, so `--xsub-port` on the command line. */
export type NameOf = (option: string) => string;

export const quoteOption: NameOf = (option) => `\`${option}\``;

/** Some of `process.env`. An empty value counts as none. */
export type Environment = Readonly<Record<string, string | undefined>>;
