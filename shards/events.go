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
	EventSortStore
	EventHSet
	EventHDel
	EventHIncrBy
	EventHIncrByFloat
	EventSetBit
	EventPFAdd
	EventUnnamed // a change that notifications are silent about, as Redis's are: its name is empty, its class 0
	EventSilent  // one that WATCH does not take notice of either
	EventSAdd
	EventSRem
	EventSPop
	EventSInterStore
	EventSUnionStore
	EventSDiffStore
	EventZAdd
	EventZIncr
	EventZRem
	EventZRemByRank
	EventZRemByScore
	EventZRemByLex
	EventZPopMin
	EventZPopMax
	EventZRangeStore
	EventZUnionStore
	EventZInterStore
	EventZDiffStore
	EventXAdd
	EventXDel
	EventXTrim
	EventXSetID
	EventXGroupCreate
	EventXGroupSetID
	EventXGroupDestroy
	EventXGroupCreateConsumer
	EventXGroupDelConsumer
	EventRestore
	EventGeoSearchStore
	EventGeoRadiusStore
	EventHExpire
	EventHPersist
	EventHExpired
	EventNew     // a key has appeared; it is no change of its own
	EventKeyMiss // a key was looked for and is not there; it is no change at all
)

// The classes of notify-keyspace-events.
const (
	ClassGeneric = 'g'
	ClassString  = '$'
	ClassList    = 'l'
	ClassHash    = 'h'
	ClassSet     = 's'
	ClassZSet    = 'z'
	ClassExpired = 'x'
	ClassEvicted = 'e'
	ClassStream  = 't'
	ClassNew     = 'n'
	ClassKeyMiss = 'm'
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
	EventSortStore:   {ClassList, "sortstore"},

	EventHSet:         {ClassHash, "hset"},
	EventHDel:         {ClassHash, "hdel"},
	EventHIncrBy:      {ClassHash, "hincrby"},
	EventHIncrByFloat: {ClassHash, "hincrbyfloat"},
	EventHExpire:      {ClassHash, "hexpire"},
	EventHPersist:     {ClassHash, "hpersist"},
	EventHExpired:     {ClassHash, "hexpired"},
	EventSetBit:       {ClassString, "setbit"},
	EventPFAdd:        {ClassString, "pfadd"},
	EventUnnamed:      {},
	EventSilent:       {},

	EventSAdd:        {ClassSet, "sadd"},
	EventSRem:        {ClassSet, "srem"},
	EventSPop:        {ClassSet, "spop"},
	EventSInterStore: {ClassSet, "sinterstore"},
	EventSUnionStore: {ClassSet, "sunionstore"},
	EventSDiffStore:  {ClassSet, "sdiffstore"},

	EventZAdd:                 {ClassZSet, "zadd"},
	EventZIncr:                {ClassZSet, "zincr"},
	EventZRem:                 {ClassZSet, "zrem"},
	EventZRemByRank:           {ClassZSet, "zremrangebyrank"},
	EventZRemByScore:          {ClassZSet, "zremrangebyscore"},
	EventZRemByLex:            {ClassZSet, "zremrangebylex"},
	EventZPopMin:              {ClassZSet, "zpopmin"},
	EventZPopMax:              {ClassZSet, "zpopmax"},
	EventZRangeStore:          {ClassZSet, "zrangestore"},
	EventZUnionStore:          {ClassZSet, "zunionstore"},
	EventZInterStore:          {ClassZSet, "zinterstore"},
	EventZDiffStore:           {ClassZSet, "zdiffstore"},
	EventXAdd:                 {ClassStream, "xadd"},
	EventXDel:                 {ClassStream, "xdel"},
	EventXTrim:                {ClassStream, "xtrim"},
	EventXSetID:               {ClassStream, "xsetid"},
	EventXGroupCreate:         {ClassStream, "xgroup-create"},
	EventXGroupSetID:          {ClassStream, "xgroup-setid"},
	EventXGroupDestroy:        {ClassStream, "xgroup-destroy"},
	EventXGroupCreateConsumer: {ClassStream, "xgroup-createconsumer"},
	EventXGroupDelConsumer:    {ClassStream, "xgroup-delconsumer"},
	EventRestore:              {ClassGeneric, "restore"},
	EventGeoSearchStore:       {ClassZSet, "geosearchstore"},
	EventGeoRadiusStore:       {ClassZSet, "georadiusstore"},
	EventNew:                  {ClassNew, "new"},
	EventKeyMiss:              {ClassKeyMiss, "keymiss"},
}

// Also says that a change, which Changed has told of and counted, is of a second kind too, or of a second key: SET with a lifetime is both
// set and expire, and RENAME is one change of two keys. It is a change like any other but for the count.
func (tx *Tx) Also(key []byte, e Event) { tx.ChangedBy(key, e, 0) }

// Name is the event as keyspace notifications call it, "" for one that they do not tell of.
func (e Event) Name() string { return eventTable[e].name }

// signaled reports whether WATCH takes notice of the event. As in Redis, it does not of what concerns the groups of a stream.
func (e Event) signaled() bool {
	switch e {
	case EventSilent, EventXSetID, EventXGroupCreate, EventXGroupSetID, EventXGroupDestroy, EventXGroupCreateConsumer,
		EventXGroupDelConsumer:
		return false
	}
	return true
}

// Class is the letter of notify-keyspace-events that the event falls under, 0 for none.
func (e Event) Class() byte { return eventTable[e].class }
