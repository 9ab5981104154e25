/** One SUB of one client. */
export interface Subscription<Client> {
  readonly session: Client;
  /** What was subscribed to, wildcards included. */
  readonly subject: string;
  /** Empty outside any group. */
  readonly queue: string;
  readonly sid: string;
  /** Deliveries after which the subscription ends by itself; 0 for no such end. */
  max: number;
  delivered: number;
  /** False once removed: a publication under way may still hold it. */
  active: boolean;
}
