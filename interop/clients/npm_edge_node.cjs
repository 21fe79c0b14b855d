// An Edge Node made of the npm package `sparkplug-client`, told what to do by a test.
//
// One JSON object per line on stdin is an order, one per line on stdout is something that happened. The package does
// the Sparkplug and the MQTT; this file only carries orders to it, so what the broker sees is what it does in a plant.
// Knows nothing of Factree or of what the test expects.

'use strict';

const readline = require('node:readline');
const Long = require('long');
const sparkplug = require('sparkplug-client');

const WIDE = { Int64: false, UInt64: true, DateTime: true };

let client;
let node = [];
const devices = new Map();

const happened = (event, more = {}) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n');

/** What the package wants as a metric: 64 bits as a Long, no number as a number. */
function metric({ name, type, value, alias, timestamp, unit }) {
  const made = { name, type, value: valueOf(type, value), timestamp: timestamp ?? Date.now() };
  if (alias !== undefined) made.alias = alias;
  if (unit !== undefined) made.properties = { engUnit: { type: 'String', value: unit } };
  return made;
}

function valueOf(type, value) {
  if (value === null) return null;
  if (type in WIDE) return Long.fromString(String(value), WIDE[type]);
  return type === 'Float' || type === 'Double' ? Number(value) : value;
}

/** The package adds to what it is given (seq, bdSeq), so each message gets its own. */
const payload = (metrics) => ({ timestamp: Date.now(), metrics: metrics.map(metric) });

function birth() {
  client.publishNodeBirth(payload([{ name: 'Node Control/Rebirth', type: 'Boolean', value: false }, ...node]));
  for (const [device, metrics] of devices) client.publishDeviceBirth(device, payload(metrics));
  happened('born');
}

/** A later Birth carries the latest values. */
function remember(known, metrics) {
  return known.map((metric) => ({ ...metric, ...metrics.find(({ name }) => name === metric.name) }));
}

const orders = {
  connect({ port, group, edge_node, client_id, keep_alive, reconnect, node: metrics, devices: all }) {
    node = metrics;
    for (const [device, metrics] of Object.entries(all)) devices.set(device, metrics);
    client = sparkplug.newClient({
      serverUrl: `tcp://127.0.0.1:${port}`, username: '', password: '', clientId: client_id,
      groupId: group, edgeNode: edge_node, publishDeath: true, keepalive: keep_alive,
      mqttOptions: { reconnectPeriod: reconnect ? 250 : 0 },
    });
    client.on('birth', birth);
    client.on('close', () => happened('closed'));
    client.on('error', (error) => happened('error', { error: String(error) }));
    client.on('ncmd', ({ metrics }) => command(undefined, metrics));
    client.on('dcmd', (device, { metrics }) => command(device, metrics));
  },
  node_data({ metrics }) {
    node = remember(node, metrics);
    client.publishNodeData(payload(metrics));
  },
  device_data({ device, metrics, by_alias }) {
    if (devices.has(device)) devices.set(device, remember(devices.get(device), metrics));
    const named = (metric) => (by_alias ? { ...metric, name: undefined } : metric);
    client.publishDeviceData(device, payload(metrics.map(named)));
  },
  device_birth({ device, metrics }) {
    devices.set(device, metrics);
    client.publishDeviceBirth(device, payload(metrics));
  },
  device_death({ device }) {
    devices.delete(device);
    client.publishDeviceDeath(device, { timestamp: Date.now(), metrics: [] });
  },
  /** A Device that is known here and that the broker has heard nothing of. */
  device_unborn({ device, metrics }) {
    devices.set(device, metrics);
  },
  stop() {
    client.on('close', () => process.exit(0));
    client.stop();
  },
};

function command(device, metrics) {
  happened('command', { device, metrics: metrics.map(({ name, type, value }) => ({ name, type, value })) });
  if (metrics.some(({ name, value }) => name === 'Node Control/Rebirth' && value === true)) birth();
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { order, ...what } = JSON.parse(line);
  orders[order](what);
  happened('done', { order });
}).on('close', () => process.exit(0));
