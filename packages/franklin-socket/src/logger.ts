/** Where a server writes what an operator of the cell may want to know; pino fits. */
export interface Logger {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

const ignore = (): void => undefined;

export const SILENT: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
