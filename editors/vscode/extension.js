// The extension starts "thriftkit lsp" and offers commands that run thriftkit in a terminal.
const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;
let status;

const setting = (name) => vscode.workspace.getConfiguration("thriftkit").get(name);

async function start() {
  const server = { command: setting("path"), args: ["lsp"] };
  client = new LanguageClient("thriftkit", "Thrift", server, {
    documentSelector: [{ language: "thrift" }, { scheme: "file", pattern: "**/thriftkit.yaml" }],
    initializationOptions: { breakingAgainst: setting("breakingAgainst") },
  });
  status.text = "$(sync~spin) thrift";
  try {
    await client.start();
    status.text = "$(check) thrift";
    status.tooltip = "thriftkit lsp runs";
  } catch (err) {
    status.text = "$(error) thrift";
    status.tooltip = `${server.command} lsp: ${err.message}. Install thriftkit, or set thriftkit.path.`;
  }
}

// run runs thriftkit with arguments in a terminal. Nothing goes through a shell.
function run(name, args) {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  vscode.window.createTerminal({ name, cwd: folder, shellPath: setting("path"), shellArgs: args }).show();
}

function file(uri) {
  return uri ? vscode.Uri.parse(uri).fsPath : vscode.window.activeTextEditor?.document.uri.fsPath;
}

function activate(context) {
  status = vscode.window.createStatusBarItem(vscode.StatusBarAlignment.Right);
  status.command = "thriftkit.restart";
  status.show();
  const command = (name, f) => context.subscriptions.push(vscode.commands.registerCommand(name, f));
  command("thriftkit.call", (uri, method) => {
    const path = file(uri);
    if (path) run(`call ${method ?? ""}`, ["call", "--idl", path, setting("target"), ...(method ? [method] : [])]);
  });
  command("thriftkit.mock", (uri) => {
    const path = file(uri);
    if (path) run("mock", ["serve", path]);
  });
  command("thriftkit.documentation", () => {
    const path = file();
    if (path) run("documentation", ["describe", path]);
  });
  command("thriftkit.showReferences", async (uri, position) => {
    const at = new vscode.Position(position.line, position.character);
    const places = await vscode.commands.executeCommand("vscode.executeReferenceProvider", vscode.Uri.parse(uri), at);
    await vscode.commands.executeCommand("editor.action.showReferences", vscode.Uri.parse(uri), at, places ?? []);
  });
  command("thriftkit.showBreaking", () => vscode.commands.executeCommand("workbench.actions.view.problems"));
  command("thriftkit.restart", async () => {
    await client?.dispose();
    await start();
  });
  context.subscriptions.push(status);
  return start();
}

function deactivate() {
  return client?.stop();
}

module.exports = { activate, deactivate };
