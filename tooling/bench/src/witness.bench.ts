import * as crypto from "node:crypto";
import { facets, sealWitness, sha256Hex, verifySeal } from "@gaiaftcl/witness";
import { generateKeyPair, privateKeyToPem, sign, verify } from "@gaiaftcl/witness/ed25519";
import { type Benchmark, compareDurations, medianDurations } from "./benchmark.ts";

const identity = { cellId: "cell-alpha", domainId: "qc020" };
const witness = (index: number): string =>
  `sealed;table=research_telemetry;cell=cell-alpha;domain=qc020;at=2026-01-01T00:00:00.000Z;id=${index}`;

/** What the rules cost above the bare hashing and signing of the runtime. */
export const benchmarks: readonly Benchmark[] = [
  {
    name: "hashing",
    async run({ quick }) {
      const seals = Array.from({ length: quick ? 1_000 : 20_000 }, (_, index) =>
        sealWitness(identity, witness(index), "facet"),
      );
      const durations = await medianDurations(
        {
          one: () => {
            for (const seal of seals) sha256Hex(seal.canonicalWitness);
          },
          bareOne: () => {
            for (const seal of seals) crypto.hash("sha256", seal.canonicalWitness);
          },
          report: () => {
            for (const seal of seals) {
              verifySeal(identity, seal, { expectedWitness: seal.canonicalWitness });
            }
          },
          facets: () => {
            for (const seal of seals) facets(identity, seal.witnessHash);
          },
          bareFive: () => {
            for (const seal of seals) {
              for (let round = 0; round < 5; round += 1) {
                crypto.hash("sha256", seal.canonicalWitness);
              }
            }
          },
          bareSix: () => {
            for (const seal of seals) {
              for (let round = 0; round < 6; round += 1)
                crypto.hash("sha256", seal.canonicalWitness);
            }
          },
        },
        { rounds: 9 },
      );
      const { one, bareOne, report, facets: five, bareFive, bareSix } = durations;
      const bare = "node:crypto hash";
      const rows = `${seals.length.toLocaleString("en")} rows`;
      return {
        comparisons: [
          compareDurations(`sha256Hex of ${rows}`, bare, one, bareOne),
          compareDurations(`facets of ${rows}`, `${bare}, five times`, five, bareFive),
          compareDurations(`verifySeal of ${rows}`, `${bare}, six times`, report, bareSix),
        ],
      };
    },
  },
  {
    name: "Ed25519",
    async run({ quick }) {
      const count = quick ? 50 : 1_000;
      const { publicKey, privateKey } = generateKeyPair();
      const bareKey = crypto.createPrivateKey(privateKeyToPem(privateKey));
      const barePublic = crypto.createPublicKey(bareKey);
      const message = new TextEncoder().encode(witness(0));
      const signature = sign(privateKey, message);
      const times = (run: () => unknown) => (): void => {
        for (let round = 0; round < count; round += 1) run();
      };
      const durations = await medianDurations(
        {
          sign: times(() => sign(privateKey, message)),
          bareSign: times(() => crypto.sign(null, message, bareKey)),
          verify: times(() => verify(publicKey, message, signature)),
          bareVerify: times(() => crypto.verify(null, message, barePublic, signature)),
        },
        { rounds: 9 },
      );
      const { sign: ours, bareSign, verify: verified, bareVerify } = durations;
      return {
        comparisons: [
          compareDurations(`sign ${count} times`, "node:crypto sign", ours, bareSign),
          compareDurations(`verify ${count} times`, "node:crypto verify", verified, bareVerify),
        ],
      };
    },
  },
];
