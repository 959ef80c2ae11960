// Checks the signature of a message: node verify.mjs SECRET ID TIMESTAMP SIGNATURE < BODY
//
// SECRET is what is in `secret_file`; the others are the headers webhook-id, webhook-timestamp and webhook-signature. The body must be
// the bytes as they came, not JSON that was read and written again. `standardwebhooks` on npm does the same.
import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

export function verify(secret, id, timestamp, signatures, body, toleranceS = 300) {
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= toleranceS)) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const expected = Buffer.from("v1," + createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64"));
  return signatures.split(" ").map(Buffer.from).some((one) => one.length === expected.length && timingSafeEqual(one, expected));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const good = verify(...process.argv.slice(2, 6), readFileSync(0));
  console.log(good ? "good" : "bad");
  process.exit(good ? 0 : 1);
}
