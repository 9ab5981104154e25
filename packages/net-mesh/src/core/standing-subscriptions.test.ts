import { describe, expect, it } from "vitest";
import { StandingSubscriptions } from "./standing-subscriptions.js";

const news = { publisher: 1n, channel: "news" };
const sport = { publisher: 1n, channel: "sport" };
const other = { publisher: 2n, channel: "news" };

/** The channels due at a time. */
function dueAt(standing: StandingSubscriptions, now: number): string[] {
  return standing.due(now).map(({ publisher, channel }) => `${channel} of ${publisher}`);
}

describe("a subscription that stands", () => {
  it("is due again when its publisher comes again, and only then where it does not fade", () => {
    const standing = new StandingSubscriptions();
    for (const request of [news, sport, other]) {
      standing.granted(request, false, 0);
    }
    expect(standing.deadline()).toBe(Number.POSITIVE_INFINITY);
    standing.renew(1n, 500);
    expect(standing.deadline()).toBe(500);
    expect(dueAt(standing, 500)).toEqual(["news of 1", "sport of 1"]);
    expect(dueAt(standing, 1e9)).toEqual([]);
  });

  it("is asked for again every minute where it fades", () => {
    const standing = new StandingSubscriptions();
    standing.granted(news, true, 0);
    expect(dueAt(standing, 59_999)).toEqual([]);
    expect(standing.deadline()).toBe(60_000);
    expect(dueAt(standing, 60_000)).toEqual(["news of 1"]);
    standing.granted(news, true, 60_050);
    expect(standing.deadline()).toBe(120_050);
  });

  it("is asked for ever more rarely while it is refused, and at once when the publisher comes again", () => {
    const standing = new StandingSubscriptions();
    standing.granted(news, false, 0);
    const waits: number[] = [];
    for (let now = 0, refusal = 0; refusal < 9; refusal += 1) {
      standing.refused(news, now);
      waits.push(standing.deadline() - now);
      now = standing.deadline();
      expect(dueAt(standing, now)).toEqual(["news of 1"]);
    }
    expect(waits.map((wait) => wait / 1000)).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300]);
    standing.renew(1n, 1e7);
    expect(dueAt(standing, 1e7)).toEqual(["news of 1"]);
    standing.refused(news, 1e7);
    expect(standing.deadline()).toBe(1e7 + 5000);
  });

  it("is gone once nobody wants it, whatever the answer under way says", () => {
    const standing = new StandingSubscriptions();
    standing.granted(news, true, 0);
    standing.delete(news.publisher, news.channel);
    expect(standing.has(news)).toBe(false);
    standing.refused(news, 5);
    standing.renew(1n, 5);
    expect(dueAt(standing, 1e9)).toEqual([]);
    expect(standing.size).toBe(0);
  });
});
