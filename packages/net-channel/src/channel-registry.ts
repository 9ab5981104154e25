import { type ChannelConfig, type ChannelOptions, channelConfig } from "./channel-config.js";
import { ensureName } from "./channel-text.js";

/** The channels a node lets others subscribe to (Net identity format, section 4). Nothing of it travels. */
export class ChannelRegistry<Filter> {
  readonly #exact = new Map<string, ChannelConfig<Filter>>();
  readonly #prefixes = new Map<string, ChannelConfig<Filter>>();

  /**
   * Registers a channel, or registers it anew, which takes effect at once; subscribers stay.
   *
   * @throws NetChannelError `NAME`, `VISIBILITY`, `RANGE` or `ARGUMENT`
   */
  register(name: string, options: ChannelOptions<Filter> = {}): ChannelConfig<Filter> {
    const config = channelConfig(name, options);
    this.#exact.set(name, config);
    return config;
  }

  /**
   * Registers all channels whose names begin with `prefix` and go on. A channel of its own, and of
   * several prefixes the longest, goes before.
   *
   * @throws NetChannelError as `register`
   */
  registerPrefix(prefix: string, options: ChannelOptions<Filter> = {}): ChannelConfig<Filter> {
    // A prefix may end where no name may, in a slash, so it is a name with something behind it.
    ensureName(prefix === "" ? prefix : `${prefix}x`);
    const config = { ...channelConfig("x", options), name: prefix };
    this.#prefixes.set(prefix, config);
    return config;
  }

  /** How the channel is registered, or undefined. */
  get(name: string): ChannelConfig<Filter> | undefined {
    const exact = this.#exact.get(name);
    if (exact !== undefined || this.#prefixes.size === 0) return exact;
    for (let length = name.length - 1; length > 0; length--) {
      const config = this.#prefixes.get(name.slice(0, length));
      if (config !== undefined) return config;
    }
    return undefined;
  }

  /** The names that are registered, without prefixes. */
  names(): IterableIterator<string> {
    return this.#exact.keys();
  }
}
