// Package floors keeps the packages of this repository in order: imports point downwards only.
//
// The rules are in floors.txt, lowest floor first, and a test applies them to the source. When
// a rule is in the way, the design is wrong: change the design, and the rule with it. A new
// package starts with a line in floors.txt.
package floors
