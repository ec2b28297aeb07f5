// The servers' common feed, by @grpc/grpc-js; says what happens on standard output, a JSON a line.
"use strict";

const fs = require("fs");
const path = require("path");
const grpc = require("@grpc/grpc-js");
const protoLoader = require("@grpc/proto-loader");
const { ReflectionService } = require("@grpc/reflection");
const protobuf = require("protobufjs");

const PROTO = path.join(__dirname, "..", "makes", "feed.proto");
const PARTS = path.join(__dirname, "parts");
const INTERVAL_MS = 20;

function say(what) {
  fs.writeSync(1, JSON.stringify(what) + "\n");
}

function event(ask, number) {
  return {
    text: `${ask.prefix}${number}`,
    number,
    at: { seconds: 1800000000 + number, nanos: 500000000 },
    kind: "KIND_TICK",
    values: { half: number / 2 },
    inner: { raw: Buffer.from([255, number % 256]) },
    flag: false,
    deltas: [-1, number],
  };
}

function opened(method, call) {
  const metadata = {};
  for (const name of Object.keys(call.metadata.getMap())) {
    metadata[name] = call.metadata
      .get(name)
      .map((value) => (Buffer.isBuffer(value) ? value.toString("base64") : value));
  }
  const deadline = call.getDeadline();
  const left = deadline === Infinity ? null : (deadline - Date.now()) / 1000;
  say({ opened: method, metadata, left });
  call.on("cancelled", () => say({ cancelled: method }));
}

function watch(call) {
  opened("Watch", call);
  let number = 0;
  const timer = setInterval(() => {
    number += 1;
    call.write(event(call.request, number));
    if (number === call.request.count) {
      clearInterval(timer);
      call.end();
    }
  }, INTERVAL_MS);
  call.on("cancelled", () => clearInterval(timer));
}

function get(call, done) {
  opened("Get", call);
  done(null, event(call.request, 1));
}

// google.rpc.Status and ErrorInfo, which @grpc/grpc-js has no types for.
const rpc = protobuf.parse(`
  syntax = "proto3";
  package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
`, { keepCase: true }).root;

function fail(call) {
  opened("Fail", call);
  call.write(event(call.request, 1));
  call.write(event(call.request, 2));
  const code = grpc.status.RESOURCE_EXHAUSTED;
  const details = "the quota is used up";
  const ErrorInfo = rpc.lookupType("google.rpc.ErrorInfo");
  const Status = rpc.lookupType("google.rpc.Status");
  const info = { reason: "QUOTA", domain: "makes.example", metadata: { limit: "2" } };
  const packed = {
    type_url: "type.googleapis.com/google.rpc.ErrorInfo",
    value: ErrorInfo.encode(info).finish(),
  };
  const status = Status.encode({ code, message: details, details: [packed] }).finish();
  const metadata = new grpc.Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(status));
  metadata.set("retry-at", "noon");
  call.emit("error", { code, details, metadata });
}

function hang(call) {
  opened("Hang", call);
  call.sendMetadata(new grpc.Metadata());
}

// One message whose types come from four packages.
function whole(call) {
  const thing = { colour: "BLUE", size: { unit: "m" }, numbers: [1, 2], name: "n", ".old.note": "x" };
  call.write({
    part: { thing: { length: { seconds: 1 }, name: "" }, inner: { name: "i" } },
    at: { seconds: 5 },
    any: { type_url: "x/shared.Part.Inner", value: Buffer.from("\n\u0001a") },
    thing,
    zero: 0,
    number: 3,
    parts: { 7: { inner: {} } },
  });
  call.end();
}

function credentials(authority, cert, key) {
  if (!cert) {
    return grpc.ServerCredentials.createInsecure();
  }
  const pair = { cert_chain: fs.readFileSync(cert), private_key: fs.readFileSync(key) };
  const clients = authority ? fs.readFileSync(authority) : null;
  return grpc.ServerCredentials.createSsl(clients, [pair], clients !== null);
}

// CERT and KEY: TLS; and AUTHORITY: clients must show certificates of this authority.
const [cert, key, authority] = process.argv.slice(2);
const options = { keepCase: true, enums: String, oneofs: true };
const definition = protoLoader.loadSync(PROTO, options);
const parts = protoLoader.loadSync("parts.proto", { ...options, includeDirs: [PARTS] });
const server = new grpc.Server();
server.addService(grpc.loadPackageDefinition(definition).makes.Feed.service, { watch, get, fail, hang });
server.addService(grpc.loadPackageDefinition(parts).parts.Parts.service, { watch: whole });
new ReflectionService({ ...definition, ...parts }).addToServer(server);
server.bindAsync("127.0.0.1:0", credentials(authority, cert, key), (error, port) => {
  if (error) {
    throw error;
  }
  say({ port });
});
// Whoever started it may have ended in any way.
process.stdin.on("end", () => process.exit(0)).resume();
