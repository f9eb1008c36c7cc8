// stream_group.go: XGROUP, consumer groups and their consumers.

package command

import (
	"fmt"

	"respite/shards"
	"respite/value"
)

func streamGroupRows() []Row {
	return []Row{{
		Name: "xgroup", Arity: -2, Since: "5.0.0", Cost: "Depends on the subcommand.",
		Doc: "Makes, changes and removes consumer groups of a stream.", Sub: []Row{
			{
				Name: "create", Arity: -5, Flags: Write | DenyOOM, Keys: keys(RW|Insert, 2, 2, 1), Run: xgroupCreate,
				Since: "5.0.0", Cost: "O(1)", Doc: "Creates a consumer group.",
			},
			{
				Name: "createconsumer", Arity: 5, Flags: Write | DenyOOM, Keys: keys(RW|Insert, 2, 2, 1), Run: xgroupCreateConsumer,
				Since: "6.2.0", Cost: "O(1)", Doc: "Creates a consumer in a group.",
			},
			{
				Name: "delconsumer", Arity: 5, Flags: Write, Keys: keys(RW|Delete, 2, 2, 1), Run: xgroupDelConsumer,
				Since: "5.0.0", Cost: "O(N) in the number of entries that it holds", Doc: "Removes a consumer from a group.",
			},
			{
				Name: "destroy", Arity: 4, Flags: Write, Keys: keys(RW|Delete, 2, 2, 1), Run: xgroupDestroy,
				Since: "5.0.0", Cost: "O(1); what is pending is freed later", Doc: "Removes a consumer group.",
			},
			{
				Name: "setid", Arity: -5, Flags: Write, Keys: keys(RW|Update, 2, 2, 1), Run: xgroupSetID,
				Since: "5.0.0", Cost: "O(1)", Doc: "Sets the last id that was delivered to a group.",
			},
			{
				Name: "help", Arity: 2, Flags: Loading | Stale, Place: OnConnection, Run: xgroupHelp,
				Since: "5.0.0", Cost: "O(1)", Doc: "Returns a text about the subcommands.",
			},
		},
	}}
}

// The refusals of XGROUP.
const (
	errGroupNoKey  = Error("ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.")
	errGroupExists = Error("BUSYGROUP Consumer Group name already exists")
	errEntriesRead = Error("ERR value for ENTRIESREAD must be positive or -1")
)

// errNoGroup is the answer to XGROUP and XINFO where the stream is there and the group is not.
func errNoGroup(key, group []byte) error {
	return Error(fmt.Sprintf("NOGROUP No such consumer group '%s' for key name '%s'", cString(group), cString(key)))
}

// errNoKeyOrGroup is the answer of the other commands to a key or group that is not there.
func errNoKeyOrGroup(key, group []byte) error {
	return Error(fmt.Sprintf("NOGROUP No such key '%s' or consumer group '%s'", cString(key), cString(group)))
}

// cString is an argument as a C string.
func cString(b []byte) []byte { return printed(b, len(b)) }

// groupArgs are the arguments of XGROUP.
type groupArgs struct {
	mkStream bool
	read     int64
}

const (
	groupOptionsAt = 5 // where options of XGROUP CREATE and SETID begin
	maxCreateArgs  = 8 // of XGROUP CREATE
	maxSetIDArgs   = 7 // of XGROUP SETID
)

func (c *Call) parseGroup(create bool) (o groupArgs, err error) {
	o.read = value.UnknownRead
	for i := groupOptionsAt; i < len(c.Args); i++ {
		switch {
		case create && c.Option(i, "mkstream"):
			o.mkStream = true
		case c.Option(i, "entriesread") && i+1 < len(c.Args):
			i++
			if o.read, err = c.Int(i); err != nil {
				return o, err
			}
			if o.read < value.UnknownRead {
				return o, errEntriesRead
			}
		default:
			return o, errSubcommandArgs(c)
		}
	}
	return o, nil
}

// groupID reads an id of XGROUP, of which $ is the last of the stream.
func groupID(b []byte, s *value.StreamLog) (id value.StreamID, err error) {
	if string(cString(b)) == "$" {
		return s.Last, nil
	}
	id, ok := value.ParseStreamID(b, 0)
	if !ok {
		return id, errStreamID
	}
	return id, nil
}

func xgroupCreate(c *Call) error {
	o, err := c.parseGroup(true)
	if err != nil {
		return err
	}
	key, name := c.Args[2], c.Args[3]
	s, ok, err := c.peekStream(key)
	switch {
	case err != nil:
		return err
	case !ok && !o.mkStream:
		return errGroupNoKey
	case len(c.Args) > maxCreateArgs:
		return errSubcommandArgs(c)
	}
	id, err := groupID(c.Args[4], &s)
	if err != nil {
		return err
	}
	if ok {
		if _, exists := s.Group(name); exists {
			return errGroupExists
		}
	}
	slot := c.Tx.Write(key)
	if !ok {
		value.CreateStream(slot)
	}
	s = value.OpenStream(slot.View())
	s.CreateGroup(name, id, o.read)
	s.Save(slot)
	c.Tx.Changed(key, shards.EventXGroupCreate)
	if !ok {
		c.Tx.Also(key, shards.EventUnnamed) // WATCH takes notice of the stream, not of the group
	}
	c.Reply.OK()
	return nil
}

// existingGroup finds the stream and group that a subcommand of XGROUP needs.
func (c *Call) existingGroup() (s value.StreamLog, g value.Group, err error) {
	key, name := c.Args[2], c.Args[3]
	s, ok, err := c.peekStream(key)
	switch {
	case err != nil:
		return s, g, err
	case !ok:
		return s, g, errGroupNoKey
	}
	if g, ok = s.Group(name); !ok {
		return s, g, errNoGroup(key, name)
	}
	return s, g, nil
}

func xgroupSetID(c *Call) error {
	o, err := c.parseGroup(false)
	if err != nil {
		return err
	}
	s, g, err := c.existingGroup()
	if err != nil {
		return err
	}
	if len(c.Args) > maxSetIDArgs {
		return errSubcommandArgs(c)
	}
	id, err := groupSetID(c.Args[4], &s)
	if err != nil {
		return err
	}
	c.Tx.Write(c.Args[2])
	g.LastID, g.Read = id, o.read
	g.Save()
	c.Tx.Changed(c.Args[2], shards.EventXGroupSetID)
	c.Reply.OK()
	return nil
}

// groupSetID is groupID for SETID, which takes - and + as well.
func groupSetID(b []byte, s *value.StreamLog) (value.StreamID, error) {
	switch string(cString(b)) {
	case "-":
		return value.StreamID{}, nil
	case "+":
		return value.MaxStreamID, nil
	}
	return groupID(b, s)
}

func xgroupDestroy(c *Call) error {
	key := c.Args[2]
	s, ok, err := c.peekStream(key)
	switch {
	case err != nil:
		return err
	case !ok:
		return errGroupNoKey
	}
	if _, ok := s.Group(c.Args[3]); !ok {
		c.Reply.Int(0)
		return nil
	}
	slot := c.Tx.Write(key)
	s.DestroyGroup(c.Args[3])
	s.Save(slot)
	c.Tx.Changed(key, shards.EventXGroupDestroy)
	c.Reply.Int(1)
	return nil
}

func xgroupCreateConsumer(c *Call) error {
	_, g, err := c.existingGroup()
	if err != nil {
		return err
	}
	if _, exists := g.Consumer(c.Args[4]); exists {
		c.Reply.Int(0)
		return nil
	}
	c.Tx.Write(c.Args[2])
	g.CreateConsumer(c.Args[4], c.Tx.Now())
	g.Save()
	c.Tx.Changed(c.Args[2], shards.EventXGroupCreateConsumer)
	c.Reply.Int(1)
	return nil
}

func xgroupDelConsumer(c *Call) error {
	_, g, err := c.existingGroup()
	if err != nil {
		return err
	}
	k, exists := g.Consumer(c.Args[4])
	if !exists {
		c.Reply.Int(0)
		return nil
	}
	c.long(g.Held(k))
	c.Tx.Write(c.Args[2])
	held := g.DeleteConsumer(c.Args[4], k)
	g.Save()
	c.Tx.Changed(c.Args[2], shards.EventXGroupDelConsumer)
	c.Reply.Int(int64(held))
	return nil
}

func xgroupHelp(c *Call) error {
	return c.help(
		"CREATE <key> <groupname> <id|$> [option]",
		"    Create a new consumer group. Options are:",
		"    * MKSTREAM",
		"      Create the empty stream if it does not exist.",
		"    * ENTRIESREAD entries_read",
		"      Set the group's entries_read counter (internal use).",
		"CREATECONSUMER <key> <groupname> <consumer>",
		"    Create a new consumer in the specified group.",
		"DELCONSUMER <key> <groupname> <consumer>",
		"    Remove the specified consumer.",
		"DESTROY <key> <groupname>",
		"    Remove the specified group.",
		"SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
		"    Set the current group ID and entries_read counter.",
	)
}
