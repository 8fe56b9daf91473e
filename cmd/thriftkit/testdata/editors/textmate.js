// Colours files by the TextMate grammar of the extension for Visual Studio Code, with the libraries that the editor does it with.
//
//     node textmate.js LIBRARY GRAMMAR
//
// Reads the paths of files, one in a line, and prints for each a line of JSON: a list of [line, from, to, class], where from and to count UTF-16 code
// units and the class is comment, string, number, word (a keyword or the name of a type of the language) or annotation.
const fs = require("fs")
const [library, grammar] = process.argv.slice(2)
const { Registry, parseRawGrammar, INITIAL } = require(library + "/node_modules/vscode-textmate")
const onig = require(library + "/node_modules/vscode-oniguruma")

const classes = [
	["comment.", "comment"],
	["string.", "string"],
	["constant.numeric.", "number"],
	["storage.type.annotation.", "annotation"],
	["keyword.", "word"],
	["storage.", "word"],
	["constant.language.", "word"],
]

function classOf(scopes) {
	for (const s of scopes.slice(1)) {
		const c = classes.find(([prefix]) => s.startsWith(prefix))
		if (c) return c[1]
	}
}

async function main() {
	await onig.loadWASM(fs.readFileSync(library + "/node_modules/vscode-oniguruma/release/onig.wasm"))
	const registry = new Registry({
		onigLib: Promise.resolve({ createOnigScanner: (p) => new onig.OnigScanner(p), createOnigString: (s) => new onig.OnigString(s) }),
		loadGrammar: async () => parseRawGrammar(fs.readFileSync(grammar, "utf8"), grammar),
	})
	const g = await registry.loadGrammar("source.thrift")
	for (const path of fs.readFileSync(0, "utf8").split("\n").filter((p) => p)) {
		const out = []
		let stack = INITIAL
		fs.readFileSync(path, "utf8").split("\n").forEach((line, n) => {
			line = line.replace(/\r$/, "")
			const r = g.tokenizeLine(line, stack)
			stack = r.ruleStack
			for (const t of r.tokens) {
				const c = classOf(t.scopes)
				const end = Math.min(t.endIndex, line.length)
				if (!c || t.startIndex >= end) continue
				const last = out[out.length - 1]
				if (last && last[0] === n && last[2] === t.startIndex && last[3] === c) last[2] = end
				else out.push([n, t.startIndex, end, c])
			}
		})
		console.log(JSON.stringify(out))
	}
}

main()
