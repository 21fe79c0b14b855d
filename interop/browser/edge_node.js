// An Edge Node that a story can kill: a process of its own, made of MQTT.js and the Sparkplug payloads of npm.
//
// It is told what it is as JSON in its first argument, says `born` when the broker has its births, and then data
// every 100 ms.
// Knows nothing of Factree.

import { createInterface } from "node:readline";
import mqtt from "mqtt";
import payloads from "sparkplug-payload";

const {
  port,
  group,
  node,
  device,
  login = {},
  nodeMetrics = [],
  deviceMetrics = [],
  gap = false,
} = JSON.parse(process.argv[2]);
const spark = payloads.get("spBv1.0");
const bdSeq = { name: "bdSeq", type: "Int64", value: 0 };
const topic = (verb, of) => `spBv1.0/${group}/${verb}/${node}${of ? `/${of}` : ""}`;
let seq = 0;

const encode = (metrics, withSeq = true) => {
  const timestamp = Date.now();
  return Buffer.from(
    spark.encodePayload({
      timestamp,
      ...(withSeq ? { seq: seq++ % 256 } : {}),
      metrics: metrics.map((metric) => ({ timestamp, ...metric })),
    }),
  );
};

const client = mqtt.connect({
  host: "127.0.0.1",
  port,
  protocol: "mqtt",
  protocolVersion: 4,
  clientId: `${group}-${node}`.slice(0, 200),
  reconnectPeriod: 0,
  clean: true,
  ...login,
  will: { topic: topic("NDEATH"), payload: encode([bdSeq], false), qos: 1, retain: false },
});

client.on("connect", async () => {
  await client.subscribeAsync(topic("NCMD"), { qos: 1 });
  seq = 0;
  await client.publishAsync(
    topic("NBIRTH"),
    encode([bdSeq, { name: "Node Control/Rebirth", type: "Boolean", value: false }, ...nodeMetrics]),
  );
  if (device) await client.publishAsync(topic("DBIRTH", device), encode(deviceMetrics));
  // Answered behind the births, so they are there.
  await client.unsubscribeAsync("nothing");
  console.log("born");
  let at = 0;
  setInterval(() => {
    at += 1;
    if (gap && at % 20 === 0) seq += 2;
    const numbers = (device ? deviceMetrics : nodeMetrics).filter(({ type }) => type === "Double");
    const moved = numbers.map((metric) => ({
      ...metric,
      value: metric.value + Math.round(Math.sin(at / 5) * 100) / 10,
    }));
    if (moved.length > 0) client.publish(device ? topic("DDATA", device) : topic("NDATA"), encode(moved));
  }, 100);
});
client.on("error", (error) => {
  console.error(error);
  process.exit(1);
});
// What else it does is said to it line by line.
createInterface({ input: process.stdin }).on("line", async (order) => {
  if (order === "deviceDies") await client.publishAsync(topic("DDEATH", device), encode([]));
});
process.stdin.on("end", () => process.exit(0));
