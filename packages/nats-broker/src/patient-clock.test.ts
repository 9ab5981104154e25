import { expect, it } from "vitest";
import { PatientClock } from "./patient-clock.js";

it("runs with the real time while it is looked at often enough", () => {
  const clock = new PatientClock(100, 5_000);
  expect([5_100, 5_150, 5_350, 5_350].map((now) => clock.advance(now))).toEqual([
    100, 150, 350, 350,
  ]);
});

it("leaves out a time in which nobody looked, and a step back", () => {
  const clock = new PatientClock(100, 0);
  expect([100, 3_600_000, 3_600_100, 0, 50].map((now) => clock.advance(now))).toEqual([
    100, 300, 400, 400, 450,
  ]);
});
