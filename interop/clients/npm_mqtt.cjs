// A client made of the npm package `mqtt` (MQTT.js), told what to do by a test.
//
// One JSON object per line on stdin is an order, one per line on stdout is something that happened. The package does the
// MQTT, reconnecting and repeating among it, and ends its connection with an error when a broker breaks the protocol
// (an alias it was not allowed, more in flight than its Receive Maximum, a packet beyond its size).
// Knows nothing of Factree or of what the test expects.

'use strict';

const fs = require('node:fs');
const readline = require('node:readline');
const mqtt = require('mqtt');

let client;
/** While it is an array, QoS 1 and 2 messages wait here and are not acknowledged (5.0 only). */
let held;

const happened = (event, more = {}) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n');

/** JSON has no bytes: Correlation Data travels as text. */
function properties({ correlationData, ...others } = {}, convert) {
  return correlationData === undefined ? others : { ...others, correlationData: convert(correlationData) };
}

const orders = {
  connect({ url, ca, options }) {
    const trust = ca === undefined ? {} : { ca: fs.readFileSync(ca) };
    const acknowledge = (_topic, _payload, _packet, done) => (held ? held.push(done) : done(0));
    client = mqtt.connect(url, { reconnectPeriod: 0, customHandleAcks: acknowledge, ...trust, ...options });
    client.on('connect', (connack) => happened('connected', {
      session_present: connack.sessionPresent, properties: connack.properties,
    }));
    client.on('close', () => happened('closed'));
    client.on('disconnect', ({ reasonCode }) => happened('disconnect', { reason: reasonCode }));
    client.on('error', (error) => happened('error', { error: String(error) }));
    client.on('message', (topic, payload, packet) => happened('message', {
      topic, payload: payload.toString(), qos: packet.qos, retain: packet.retain,
      topic_sent: packet.topic, properties: properties(packet.properties, String),
    }));
  },
  subscribe({ filter, options }) {
    client.subscribe(filter, options, (error, granted) => happened('subscribed', {
      error: error && String(error), granted: granted && granted.map(({ qos }) => qos),
    }));
  },
  /** `published` follows when the acknowledgement has come, however many connections that takes. */
  publish({ topic, payload, options }) {
    const given = { ...options, properties: properties(options.properties, Buffer.from) };
    client.publish(topic, payload, given, (error) => happened('published', {
      topic, payload, error: error && String(error),
    }));
  },
  hold() {
    held = [];
  },
  release() {
    const waiting = held;
    held = undefined;
    for (const done of waiting) done(0);
  },
  stop() {
    client.end(false, {}, () => process.exit(0));
  },
};

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { order, ...what } = JSON.parse(line);
  orders[order](what);
  happened('done', { order });
}).on('close', () => process.exit(0));
