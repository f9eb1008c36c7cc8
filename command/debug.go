// debug.go: DEBUG, for tests of this server and of programs that use it. It runs with all shards held, so SLEEP stops
// the whole server as it does in Redis. A subcommand is a row of debugCommands; those that only concern machinery that
// does not exist here are accepted and change nothing.

package command

import (
	"fmt"
	"math"
	"strings"
	"time"

	"respite/shards"
	"respite/text"
	"respite/value"
)

func debugRows() []Row {
	return []Row{
		{
			Name: "debug", Arity: -2, Flags: Admin | NoScript | Loading | Stale, Place: OnAllShards, Run: debugCommand,
			System: true, Since: "1.0.0", Cost: "Depends on subcommand.", Doc: "A container for commands for tests.",
		},
	}
}

// debugSub is one subcommand: how many arguments it takes at least and at most, DEBUG and its own name included.
type debugSub struct {
	name     string
	min, max int
	run      func(*Call) error
	help     []string
}

func debugCommands() []debugSub {
	ignored := func(c *Call) error { c.Reply.OK(); return nil }
	return []debugSub{
		{"aof-flush-sleep", 3, 3, ignored, []string{"<microsec>", "    Accepted, of no effect."}},
		{"change-repl-id", 2, 2, debugChangeReplID, []string{"", "    Change the replication IDs of the instance."}},
		{"config-rewrite-force-all", 2, 2, debugRewriteAll, []string{"", "    Like CONFIG REWRITE but writes all configuration options, including keys not", "    listed in original configuration file or default values."}},
		{"dict-resizing", 3, 3, ignored, []string{"<0|1>", "    Accepted, of no effect."}},
		{"digest", 2, 2, debugDigest, []string{"", "    Output a hex signature representing the current DB content."}},
		{"digest-value", 2, math.MaxInt, debugDigestValue, []string{"<key> [<key> ...]", "    Output a hex signature of the values of all the specified keys."}},
		{"drop-cluster-packet-filter", 3, 3, ignored, []string{"<packet-type>", "    Accepted, of no effect."}},
		{"error", 3, 3, debugError, []string{"<string>", "    Return a Redis protocol error with <string> as message."}},
		{"htstats", 3, 4, debugHTStats, []string{"<dbid>", "    Return hash table statistics of the specified Redis database."}},
		{"htstats-key", 3, 4, debugHTStatsKey, []string{"<key>", "    Like HTSTATS but for the hash table stored at <key>'s value."}},
		{"listpack", 3, 3, debugListpack, []string{"<key>", "    Write the elements of the listpack of <key> to the server log."}},
		{"log", 3, 3, debugLog, []string{"<message>", "    Write <message> to the server log."}},
		{"object", 3, 4, debugObject, []string{"<key>", "    Show low level info about `key` and associated value."}},
		{"pause-cron", 3, 3, debugPauseCron, []string{"<0|1>", "    Make the server wait before it does what signals ask for. There is no other cron."}},
		{"populate", 3, 5, debugPopulate, []string{"<count> [<prefix>] [<size>]", "    Create <count> string keys named <prefix>:<num>, of <size> bytes each."}},
		{"protocol", 3, 3, debugProtocol, []string{"<type>", "    Reply with a test value of the specified type."}},
		{"quicklist-packed-threshold", 3, 3, debugPackedThreshold, []string{"<size>", "    Accepted, of no effect."}},
		{"reload", 2, 2, debugReload, []string{"", "    Turn every value into the bytes in which it is saved, and load it from them.", "    There is no file, and so no options."}},
		{"replybuffer", 4, 4, debugReplyBuffer, []string{"PEAK-RESET-TIME|RESIZING <value>", "    Accepted, of no effect."}},
		{"set-active-expire", 3, 3, debugSetActiveExpire, []string{"<0|1>", "    Setting it to 0 disables expiring keys in background when they are not", "    accessed."}},
		{"set-disable-deny-scripts", 3, 3, ignored, []string{"<0|1>", "    Accepted, of no effect."}},
		{"set-skip-checksum-validation", 3, 3, debugSkipChecksum, []string{"<0|1>", "    Enables or disables checksum checks for RESTORE payloads."}},
		{"sleep", 3, 3, debugSleep, []string{"<seconds>", "    Stop the server for <seconds>. Decimals allowed."}},
	}
}

func debugCommand(c *Call) error {
	if c.Option(1, "help") && len(c.Args) == 2 {
		return debugHelp(c)
	}
	for _, s := range debugCommands() {
		if c.Option(1, s.name) && len(c.Args) >= s.min && len(c.Args) <= s.max {
			return s.run(c)
		}
	}
	return errSubcommandArgs(c)
}

func debugHelp(c *Call) error {
	var lines []string
	for _, s := range debugCommands() {
		head := upper(s.name)
		if s.help[0] != "" {
			head += " " + s.help[0]
		}
		lines = append(append(lines, head), s.help[1:]...)
	}
	return c.help(lines...)
}

func debugChangeReplID(c *Call) error {
	c.Server.self.replicationID = newID()
	c.Reply.OK()
	return nil
}

func debugError(c *Call) error { return Error(c.Args[2]) }

// debugRewriteAll keeps the whole server waiting for the disk, as it does in Redis.
func debugRewriteAll(c *Call) error {
	if err := c.Server.config.RewriteAll(); err != nil {
		c.Server.log.Warn("DEBUG CONFIG-REWRITE-FORCE-ALL failed", "error", err)
		return Error("ERR CONFIG-REWRITE-FORCE-ALL failed")
	}
	c.Reply.OK()
	return nil
}

func debugLog(c *Call) error {
	c.Server.log.Warn("DEBUG LOG: " + string(c.Args[2]))
	c.Reply.OK()
	return nil
}

func debugHTStats(c *Call) error {
	db, err := c.Int(2)
	if err != nil {
		return err
	}
	if db < 0 || db >= int64(c.Server.group.Databases()) {
		return Error("ERR Out of range database")
	}
	keys, timed := c.Tx.Len(int(db))
	slots := c.Tx.Memory(int(db)).Slots
	c.Reply.Verbatim("txt", fmt.Appendf(nil, "[Dictionary HT]\n%s[Expires HT]\n%s", tableStats(slots, keys), tableStats(timed, timed)))
	return nil
}

func tableStats(size, used int) string {
	const head = "Hash table 0 stats (main hash table):\n"
	if used == 0 {
		return head + "No stats available for empty dictionaries\n"
	}
	return fmt.Sprintf("%s table size: %d\n number of elements: %d\n", head, size, used)
}

// debugObject shows what clients read of it; there is no address to tell.
func debugObject(c *Call) error {
	it, ok := c.Tx.Peek(c.Args[2])
	if !ok {
		return errNoKey
	}
	length := len(it.Value())
	if it.Type() == value.String {
		length = len(c.text(it))
	}
	c.Reply.Simple(fmt.Sprintf("Value at:0x0 refcount:1 encoding:%s serializedlength:%d lru:%d lru_seconds_idle:%d",
		value.EncodingOf(it.Kind()), length+1, it.Recency(), c.Tx.Idle(it.Recency())))
	return nil
}

const (
	populateChunk = 1024 // keys a step
	sizeArgument  = 4
)

// debugPopulate takes a step as it goes, so that the pre-images of a million keys are not all kept at once.
func debugPopulate(c *Call) error {
	count, prefix, size := int64(0), []byte("key"), int64(0)
	for i, n := range map[int]*int64{2: &count, sizeArgument: &size} {
		if i >= len(c.Args) {
			continue
		}
		v, err := c.Int(i)
		if err != nil || v < 0 {
			return errNotPositive
		}
		*n = v
	}
	if size > c.Server.config.Now().ProtoMaxBulkLen {
		return errTooLong
	}
	if len(c.Args) > 3 {
		prefix = c.Args[3]
	}
	for i := range count {
		if i%populateChunk == populateChunk-1 {
			c.Tx.Step(c.Tx.DB())
		}
		c.populate(fmt.Appendf(nil, "%s:%d", prefix, i), i, size)
	}
	c.Reply.OK()
	return nil
}

// populate makes the ith key unless it is there, its text cut or filled with zeros to size if that is not 0.
func (c *Call) populate(key []byte, i, size int64) {
	slot := c.Tx.Write(key)
	if slot.Exists() {
		return
	}
	v := fmt.Appendf(nil, "value:%d", i)
	if size > 0 {
		sized := make([]byte, size)
		copy(sized, v)
		v = sized
	}
	c.PutString(slot, v)
	c.Tx.Changed(key, shards.EventUnnamed)
}

// debugProtocol replies with a sample of each type, so that clients can test their parsers.
func debugProtocol(c *Call) error {
	r := c.Reply
	samples := map[string]func(){
		"string":   func() { r.BulkString("Hello World") },
		"integer":  func() { r.Int(12345) },
		"double":   func() { r.DoubleText([]byte("3.141")) },
		"null":     func() { r.Null() },
		"bignum":   func() { r.BigNumber("1234567999999999999999999999999999999") },
		"array":    func() { r.Array(3); count3(c) },
		"set":      func() { r.Set(3); count3(c) },
		"verbatim": func() { r.Verbatim("txt", []byte("This is a verbatim\nstring")) },
		"true":     func() { r.Bool(true) },
		"false":    func() { r.Bool(false) },
		"map":      func() { replyBoolMap(c) },
		"attrib":   func() { replyAttribute(c) },
		"push":     func() { replyPush(c) },
	}
	name := strings.ToLower(string(c.Args[2]))
	sample := samples[name]
	switch {
	case sample == nil:
		return Error("ERR Wrong protocol type name. Please use one of the following: " +
			"string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false")
	case name == "push" && r.Proto() < 3:
		return Error("ERR RESP2 is not supported by this command")
	}
	sample()
	return nil
}

// replyBoolMap maps integers to booleans.
func replyBoolMap(c *Call) {
	c.Reply.Map(3)
	for i := range int64(3) {
		c.Reply.Int(i)
		c.Reply.Bool(i == 1)
	}
}

// replyAttribute puts an attribute in front of a reply, where the protocol has such a thing.
func replyAttribute(c *Call) {
	if c.Reply.Proto() > 2 {
		c.Reply.Raw([]byte("|1\r\n"))
		c.Reply.BulkString("key-popularity")
		c.Reply.Array(2)
		c.Reply.BulkString("key:123")
		c.Reply.Int(90)
	}
	c.Reply.BulkString("Some real reply following the attribute")
}

// replyPush puts a push message in front of a reply.
func replyPush(c *Call) {
	c.Reply.Push(2)
	c.Reply.BulkString("server-cpu-usage")
	c.Reply.Int(42)
	c.Reply.BulkString("Some real reply following the push reply")
}

// count3 writes three integers.
func count3(c *Call) {
	for i := range int64(3) {
		c.Reply.Int(i)
	}
}

const maxPackedThreshold = 4 << 30

func debugPackedThreshold(c *Call) error {
	n, err := text.ParseMemory(string(c.Args[2]))
	if err != nil || n > maxPackedThreshold {
		return Error("ERR argument must be a memory value bigger than 1 and smaller than 4gb")
	}
	c.Reply.OK()
	return nil
}

func debugReplyBuffer(c *Call) error {
	switch {
	case c.Option(2, "resizing"), c.Option(2, "peak-reset-time") && (c.Option(3, "never") || c.Option(3, "reset")):
	case c.Option(2, "peak-reset-time"):
		if _, err := c.Int(3); err != nil {
			return err
		}
	default:
		return errSubcommandArgs(c)
	}
	c.Reply.OK()
	return nil
}

func debugSetActiveExpire(c *Call) error {
	limits := c.Server.group.Limits()
	limits.KeepExpired = !isSwitchedOn(c.Args[2])
	c.Server.group.SetLimits(limits)
	c.Tx.Rearm()
	c.Reply.OK()
	return nil
}

// isSwitchedOn reads an argument <0|1>.
func isSwitchedOn(b []byte) bool { return len(b) > 0 && b[0] >= '1' && b[0] <= '9' }

func debugPauseCron(c *Call) error {
	if hold := c.Server.hooks.HoldSignals; hold != nil {
		hold(isSwitchedOn(c.Args[2]))
	}
	c.Reply.OK()
	return nil
}

func debugSkipChecksum(c *Call) error {
	c.Server.trusting.Store(isSwitchedOn(c.Args[2]))
	c.Reply.OK()
	return nil
}

// debugSleep keeps all shards while it sleeps: the one body that is meant to make the server wait.
func debugSleep(c *Call) error {
	if seconds, ok := text.ParseFloat(c.Args[2]); ok {
		time.Sleep(time.Duration(min(seconds, maxSleep.Seconds()) * float64(time.Second)))
	}
	c.Reply.OK()
	return nil
}

const maxSleep = 24 * time.Hour
