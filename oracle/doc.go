// Package oracle compares a Redis-compatible server with a real redis-server.
//
// It offers three things to the tests of the other rooms: transcripts (commands
// with their replies in text files, see transcript.go), the random differential
// (the same generated stream to two servers, see random.go), and the rules that
// name each known difference between the target, Redis 7.2, and the oracle, the
// installed 7.0.15 (see rules.go). It reads the wire with its own small reader, so
// that the judge shares no protocol code with what it judges. It is imported by
// tests only and is never linked into the server.
package oracle
