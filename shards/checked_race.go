//go:build race

package shards

// checked turns on the checks that cost a hash for every key touched.
const checked = true
