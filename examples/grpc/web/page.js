// Calls the server that the page is from, by Connect and by gRPC-Web, with code that is generated: see package.json.
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { PingPong } from "./gen/foo_pb.js";

async function show(id, transport) {
  const client = createClient(PingPong, transport);
  const reply = await client.login({ username: "root", password: "secret" });
  let refused;
  await client.login({ username: "root", password: "?" }).catch((err) => (refused = err.message));
  document.getElementById(id).textContent = `${reply.result} ${refused}`;
}

const baseUrl = location.origin;
show("connect", createConnectTransport({ baseUrl }));
show("grpc-web", createGrpcWebTransport({ baseUrl }));
