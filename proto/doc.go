// Package proto speaks RESP, the protocol of Redis, in versions 2 and 3.
//
// Reader turns the bytes of a connection into commands, Reply turns answers
// into bytes, Decoder reads answers as a client does, and AppendCommand writes
// commands as a client does. Nothing here knows what a command means.
//
// The formats are those of https://redis.io/docs/latest/develop/reference/protocol-spec/;
// where that page is silent, redis-server 7.0.15 was asked.
package proto
