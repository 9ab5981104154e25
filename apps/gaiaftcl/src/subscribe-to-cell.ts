import { type SubscribeOptions, type Subscription, subscribe } from "@gaiaftcl/nats-subscribe";
import { openSealed } from "@gaiaftcl/sealed-reader";

export interface SubscribeToCellOptions extends Omit<SubscribeOptions, "database"> {
  /** The cell's database: it confirms rows, and serves them while a broker is away. */
  readonly databasePath: string;
}

/**
 * Subscribes to the subjects of a cell on this host, with its database at hand (cell format, section
 * 7). The database is closed with the subscription.
 *
 * @throws SealedReaderError where the database cannot be read, NatsSubscribeError for a subject or
 *   option that cannot be used
 */
export async function subscribeToCell(
  subjects: string | readonly string[],
  options: SubscribeToCellOptions,
): Promise<Subscription> {
  const { databasePath, onStatus, ...rest } = options;
  const database = await openSealed(databasePath, { keys: rest.keys, signal: rest.signal });
  try {
    return subscribe(subjects, {
      ...rest,
      database,
      onStatus: (status) => {
        if (status.type === "closed") void database.close();
        onStatus?.(status);
      },
    });
  } catch (error) {
    await database.close();
    throw error;
  }
}
