//! The parser of the tree-sitter grammar: generates it, and parses with it.
//!
//!     treesitter generate GRAMMAR.JS DIR    write DIR/src/parser.c
//!     treesitter parse LIBRARY QUERY        parse files
//!
//! parse reads lines of standard input, each the path of a file, and prints one for each: "ok", or "error LINE:COLUMN" of the first thing
//! that the grammar does not know, and then the words that QUERY colours, as "capture=word", separated by tabs.
use std::io::BufRead;
use std::path::Path;
use tree_sitter::{ffi, Language, Node, Parser, Query, QueryCursor, StreamingIterator};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["generate", grammar, dir] => tree_sitter_generate::generate_parser_in_directory(
            Path::new(dir), None, Some(grammar), 14, None, None,
        )
        .expect("generate"),
        ["parse", library, query] => parse(library, query),
        _ => panic!("usage: treesitter generate GRAMMAR.JS DIR | parse LIBRARY QUERY"),
    }
}

fn parse(library: &str, query: &str) {
    // SAFETY: the library was compiled from what this program generated.
    let language = unsafe {
        let lib = Box::leak(Box::new(libloading::Library::new(library).expect("library")));
        let f: libloading::Symbol<unsafe extern "C" fn() -> *const ffi::TSLanguage> = lib.get(b"tree_sitter_thrift").expect("symbol");
        Language::from_raw(f())
    };
    let query = Query::new(&language, &std::fs::read_to_string(query).expect("query")).expect("query");
    let mut parser = Parser::new();
    parser.set_language(&language).expect("language");
    for path in std::io::stdin().lock().lines() {
        let text = std::fs::read(path.expect("line")).expect("file");
        let tree = parser.parse(&text, None).expect("tree");
        let mut line = match first_error(tree.root_node()) {
            None => "ok".to_string(),
            Some(n) => format!("error {}:{}", n.start_position().row + 1, n.start_position().column + 1),
        };
        let mut cursor = QueryCursor::new();
        let mut captures = cursor.captures(&query, tree.root_node(), text.as_slice());
        while let Some((m, i)) = captures.next() {
            let c = m.captures[*i];
            let word = String::from_utf8_lossy(&text[c.node.byte_range()]).replace(['\t', '\n', '\r'], " ");
            line += &format!("\t{}={}", query.capture_names()[c.index as usize], word);
        }
        println!("{line}");
    }
}

fn first_error(n: Node) -> Option<Node> {
    if n.is_error() || n.is_missing() {
        return Some(n);
    }
    if !n.has_error() {
        return None;
    }
    (0..n.child_count()).find_map(|i| first_error(n.child(i).unwrap()))
}
