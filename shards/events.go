// events.go: what can happen to a key, by the names and classes of Redis's keyspace notifications.

package shards

// Event is one kind of change, the argument of Changed.
type Event uint8

// The events. A new data type adds its own here and in eventTable.
const (
	EventDel Event = iota + 1
	EventExpire
	EventPersist
	EventExpired
	EventEvicted
	EventRenameFrom
	EventRenameTo
	EventCopyTo
	EventMoveFrom
	EventMoveTo
	EventSet
	EventAppend
	EventSetRange
	EventIncrBy
	EventIncrByFloat
	EventLPush
	EventRPush
	EventLPop
	EventRPop
	EventLSet
	EventLInsert
	EventLRem
	EventLTrim
	EventXAdd
	EventXDel
	EventXTrim
	EventXSetID
	EventXGroupCreate
	EventXGroupSetID
	EventXGroupDestroy
	EventXGroupCreateConsumer
	EventXGroupDelConsumer
	EventXPending // what is pending, or a consumer's times: notifications do not tell of it
)

// The classes of notify-keyspace-events.
const (
	ClassGeneric = 'g'
	ClassString  = '$'
	ClassList    = 'l'
	ClassExpired = 'x'
	ClassEvicted = 'e'
	ClassStream  = 't'

	ClassNone = 0 // no notification
)

var eventTable = [...]struct {
	class byte
	name  string
}{
	EventDel:         {ClassGeneric, "del"},
	EventExpire:      {ClassGeneric, "expire"},
	EventPersist:     {ClassGeneric, "persist"},
	EventExpired:     {ClassExpired, "expired"},
	EventEvicted:     {ClassEvicted, "evicted"},
	EventRenameFrom:  {ClassGeneric, "rename_from"},
	EventRenameTo:    {ClassGeneric, "rename_to"},
	EventCopyTo:      {ClassGeneric, "copy_to"},
	EventMoveFrom:    {ClassGeneric, "move_from"},
	EventMoveTo:      {ClassGeneric, "move_to"},
	EventSet:         {ClassString, "set"},
	EventAppend:      {ClassString, "append"},
	EventSetRange:    {ClassString, "setrange"},
	EventIncrBy:      {ClassString, "incrby"},
	EventIncrByFloat: {ClassString, "incrbyfloat"},
	EventLPush:       {ClassList, "lpush"},
	EventRPush:       {ClassList, "rpush"},
	EventLPop:        {ClassList, "lpop"},
	EventRPop:        {ClassList, "rpop"},
	EventLSet:        {ClassList, "lset"},
	EventLInsert:     {ClassList, "linsert"},
	EventLRem:        {ClassList, "lrem"},
	EventLTrim:       {ClassList, "ltrim"},

	EventXAdd:                 {ClassStream, "xadd"},
	EventXDel:                 {ClassStream, "xdel"},
	EventXTrim:                {ClassStream, "xtrim"},
	EventXSetID:               {ClassStream, "xsetid"},
	EventXGroupCreate:         {ClassStream, "xgroup-create"},
	EventXGroupSetID:          {ClassStream, "xgroup-setid"},
	EventXGroupDestroy:        {ClassStream, "xgroup-destroy"},
	EventXGroupCreateConsumer: {ClassStream, "xgroup-createconsumer"},
	EventXGroupDelConsumer:    {ClassStream, "xgroup-delconsumer"},
	EventXPending:             {ClassNone, "xpending"},
}

// Also says that a change, which Changed has told of and counted, is of a second kind too: SET with a lifetime is both
// set and expire.
func (tx *Tx) Also(key []byte, e Event) {
	s, _ := tx.home(key)
	if tx.g.observer != nil {
		tx.g.observer.Changed(tx, key, e)
	}
	if s.waited > 0 {
		tx.wake(s, tx.db, key)
	}
}

// Name is the event as keyspace notifications call it.
func (e Event) Name() string { return eventTable[e].name }

// Class is the letter of notify-keyspace-events that the event falls under.
func (e Event) Class() byte { return eventTable[e].class }
