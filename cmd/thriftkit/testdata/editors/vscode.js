// Drives the language server by the protocol library of Visual Studio Code's client, which is in the folder that is the first argument, and
// prints what it sees.
const path = require("path");
const fs = require("fs");
const { spawn } = require("child_process");
const { pathToFileURL } = require("url");
const lsp = require(path.join(process.argv[2], "node_modules/vscode-languageserver-protocol/node"));

const server = spawn("thriftkit", ["lsp"], { stdio: ["pipe", "pipe", "inherit"] });
const connection = lsp.createProtocolConnection(new lsp.StreamMessageReader(server.stdout), new lsp.StreamMessageWriter(server.stdin));

const uri = (name) => pathToFileURL(path.resolve(name)).href;
const base = (u) => path.posix.basename(u);
const texts = {};
let version = 1;

// Diagnostics of a version of a file, when they come.
const shown = new Map();
const waiting = new Map();
connection.onNotification(lsp.PublishDiagnosticsNotification.type, (p) => {
  const key = `${base(p.uri)} ${p.version}`;
  shown.set(key, p.diagnostics);
  waiting.get(key)?.(p.diagnostics);
});
const diagnostics = (name) => {
  const key = `${name} ${version}`;
  return shown.has(key) ? Promise.resolve(shown.get(key)) : new Promise((done) => waiting.set(key, done));
};
const registered = new Promise((done) => connection.onRequest(lsp.RegistrationRequest.type, (p) => done(p.registrations.map((r) => r.method).join())));

const open = (name) => {
  texts[name] = fs.readFileSync(name, "utf8");
  return connection.sendNotification(lsp.DidOpenTextDocumentNotification.type, { textDocument: { uri: uri(name), languageId: "thrift", version, text: texts[name] } });
};
const change = (name, from, to) => {
  texts[name] = texts[name].replace(from, to);
  return connection.sendNotification(lsp.DidChangeTextDocumentNotification.type, {
    textDocument: { uri: uri(name), version: ++version },
    contentChanges: [{ text: texts[name] }],
  });
};
// The place behind a text.
const behind = (name, text) => {
  const before = texts[name].slice(0, texts[name].indexOf(text) + text.length).split("\n");
  return { textDocument: { uri: uri(name) }, position: { line: before.length - 1, character: before.at(-1).length } };
};
const apply = (name, edits) => {
  const lines = texts[name].split("\n");
  const offset = (p) => lines.slice(0, p.line).reduce((n, l) => n + l.length + 1, 0) + p.character;
  let text = texts[name];
  for (const e of [...edits].sort((a, b) => offset(b.range.start) - offset(a.range.start))) {
    text = text.slice(0, offset(e.range.start)) + e.newText + text.slice(offset(e.range.end));
  }
  return text;
};

async function main() {
  connection.listen();
  const hello = await connection.sendRequest(lsp.InitializeRequest.type, {
    processId: process.pid,
    rootUri: null,
    workspaceFolders: [{ uri: pathToFileURL(process.cwd()).href, name: "shop" }],
    capabilities: {
      workspace: {
        didChangeWatchedFiles: { dynamicRegistration: true },
        workspaceEdit: { documentChanges: true, resourceOperations: ["create", "rename", "delete"] },
      },
    },
  });
  console.log("server:", hello.serverInfo.name);
  await connection.sendNotification(lsp.InitializedNotification.type, {});
  console.log("watches:", await registered);
  await open("shop.thrift");
  for (const d of await diagnostics("shop.thrift")) console.log("diagnostics:", d.code, `${d.range.start.line}:${d.range.start.character}`);

  const hover = await connection.sendRequest(lsp.HoverRequest.type, behind("shop.thrift", "lib.Mo"));
  console.log("hover:", hover.contents.value.includes("Cents.") ? "Cents." : hover.contents.value);
  const def = await connection.sendRequest(lsp.DefinitionRequest.type, behind("shop.thrift", "lib.Mo"));
  console.log("definition:", base(def.uri), def.range.start.line);

  await change("shop.thrift", "2: Nope n", "2: lib. n");
  const list = await connection.sendRequest(lsp.CompletionRequest.type, behind("shop.thrift", "2: lib."));
  console.log("completion:", list.items.map((i) => i.label).join(" "));
  await change("shop.thrift", "2: lib. n", "2: map<string, i32> n");
  console.log("diagnostics:", (await diagnostics("shop.thrift")).length);
  const help = await connection.sendRequest(lsp.SignatureHelpRequest.type, behind("shop.thrift", "map<string, "));
  console.log("signature:", help.signatures[0].label, help.activeParameter);

  const edit = await connection.sendRequest(lsp.RenameRequest.type, { ...behind("shop.thrift", "lib.Mo"), newName: "Amount" });
  console.log("rename:", Object.keys(edit.changes).map(base).sort().join(" "), apply("shop.thrift", edit.changes[uri("shop.thrift")]).split("\n")[3]);
  const format = await connection.sendRequest(lsp.DocumentFormattingRequest.type, {
    textDocument: { uri: uri("shop.thrift") },
    options: { tabSize: 2, insertSpaces: true },
  });
  console.log("format:", apply("shop.thrift", format).split("\n").length - 1);
  const item = behind("shop.thrift", "struct It");
  const actions = await connection.sendRequest(lsp.CodeActionRequest.type, {
    textDocument: item.textDocument,
    range: { start: item.position, end: item.position },
    context: { diagnostics: [], only: [lsp.CodeActionKind.Refactor] },
  });
  for (const a of actions) console.log("action:", a.title, a.edit.documentChanges.map((c) => c.kind ?? base(c.textDocument.uri)).join(" "));

  await connection.sendRequest(lsp.ShutdownRequest.type);
  await connection.sendNotification(lsp.ExitNotification.type);
  console.log("exit:", await new Promise((done) => server.on("exit", done)));
}

main().catch((err) => {
  console.error(err);
  server.kill();
  process.exitCode = 1;
});
