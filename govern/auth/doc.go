// Package auth says who may call what: a [Guard] is a gate of a server that finds out who makes a call, and a [Policy] has the rules.
//
//	policy, err := auth.LoadPolicy("policy.json")
//	guard := auth.NewGuard(policy, auth.GuardOptions{})
//	server := thriftkit.NewServer(thriftkit.WithTLS(config), thriftkit.WithGate(guard))
//
// A policy is a document of JSON, which [PolicySchema] describes:
//
//	{
//	  "default": "deny",
//	  "tokens": [{"name": "ci", "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}],
//	  "rules": [
//	    {"name": "read", "allow": ["Shop.get*", "Shop.list"]},
//	    {"name": "staff", "allow": ["Shop.*"], "principals": ["spiffe://prod/*", "user:alice", "token:ci"]},
//	    {"name": "no guests", "deny": ["*"], "addresses": ["192.0.2.0/24"]}
//	  ]
//	}
//
// A rule applies to a call if one of its methods, one of its principals and one of its addresses fit; a list that is left out fits
// everybody. If a rule that denies applies, the call is refused, whatever else applies; else it is let in if a rule that allows does;
// else the default decides. Methods are "Service.method" with the names of the IDL, principals as [rpc.Principal] writes them; in both a *
// stands for any text. Addresses are networks, single addresses, or "unix" for clients of unix sockets.
//
// A refused call gets an exception with the code [rpc.CodePermissionDenied]; or with [rpc.CodeUnauthenticated] if nothing is known of who
// makes it, or if its token is wrong.
package auth
