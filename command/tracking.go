// tracking.go: CLIENT TRACKING and what belongs to it, as far as it is about the client that asks: what it wants to be told of. Which
// clients have read which keys is known to the shards (shards/tracking.go), and how they are told is in tracking_send.go.
//
// Whether what a command reads is remembered is decided when the command gets its place in the batch, so it depends on what the client
// has sent before it and on nothing else.

package command

import (
	"fmt"
	"slices"
	"strings"
)

func trackingRows() []Row {
	const flags = NoScript | Loading | Stale
	return []Row{
		{
			Name: "caching", Arity: 3, Flags: flags, Place: OnConnection, Run: clientCaching,
			Since: "6.0.0", Cost: "O(1)", Doc: "Says whether the client keeps what the next command reads.",
		},
		{
			Name: "getredir", Arity: 2, Flags: flags, Place: OnConnection, Run: clientGetRedir,
			Since: "6.0.0", Cost: "O(1)", Doc: "Returns the number of the client that invalidations go to.",
		},
		{
			Name: "tracking", Arity: -3, Flags: flags, Place: AfterBatch, Run: clientTracking,
			Since: "6.0.0", Cost: "O(1)", Doc: "Makes the server tell which keys have changed that the client may have kept.",
		},
		{
			Name: "trackinginfo", Arity: 2, Flags: flags, Place: OnConnection, Run: clientTrackingInfo,
			Since: "6.2.0", Cost: "O(1)", Doc: "Returns what the client asked to be told of.",
		},
	}
}

// tracking is what a client asked to be told of. It does not change: another one takes its place.
type tracking struct {
	redirect  int64 // the client that is told instead; 0: none
	broadcast bool  // of all keys with one of the prefixes, not of those that it read
	optIn     bool  // it keeps only what it says
	optOut    bool  // it keeps everything but what it says
	noLoop    bool  // it need not be told of its own changes
	prefixes  []string
	memory    int64 // bytes that the prefixes take
}

// prefixSize is what a prefix takes besides its name, in bytes: its place in the client's list, and what broadcasts keep of it.
const prefixSize = 200

const (
	errOneRedirect  = Error("ERR A client can only redirect to a single other client")
	errNoRedirect   = Error("ERR The client ID you want redirect to does not exist")
	errPrefixBcast  = Error("ERR PREFIX option requires BCAST mode to be enabled")
	errSwitchBcast  = Error("ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.")
	errOptBcast     = Error("ERR OPTIN and OPTOUT are not compatible with BCAST")
	errOptBoth      = Error("ERR You can't specify both OPTIN mode and OPTOUT mode")
	errSwitchOpt    = Error("ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.")
	errNotTracking  = Error("ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled")
	errCachingYes   = Error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
	errCachingNo    = Error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
	overlapsOld     = "ERR Prefix '%s' overlaps with an existing prefix '%s'. Prefixes for a single client must not overlap."
	overlapsAnother = "ERR Prefix '%s' overlaps with another provided prefix '%s'. Prefixes for a single client must not overlap."
)

// clientTracking takes CLIENT TRACKING ON|OFF [REDIRECT id] [PREFIX prefix ...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP].
func clientTracking(c *Call) error {
	t, err := parseTracking(c)
	if err != nil {
		return err
	}
	switch {
	case c.Option(2, "off"):
		c.Session.stopTracking()
	case !c.Option(2, "on"):
		return errSyntax
	default:
		if err := t.suits(c.Session.tracking.Load()); err != nil {
			return err
		}
		c.Session.track(t)
	}
	c.Reply.OK()
	return nil
}

func parseTracking(c *Call) (*tracking, error) {
	t := &tracking{}
	for i := 3; i < len(c.Args); i++ {
		switch last := i == len(c.Args)-1; {
		case !last && c.Option(i, "redirect"):
			i++
			if err := t.parseRedirect(c, i); err != nil {
				return nil, err
			}
		case c.Option(i, "bcast"):
			t.broadcast = true
		case c.Option(i, "optin"):
			t.optIn = true
		case c.Option(i, "optout"):
			t.optOut = true
		case c.Option(i, "noloop"):
			t.noLoop = true
		case !last && c.Option(i, "prefix"):
			i++
			t.prefixes = append(t.prefixes, string(c.Args[i]))
		default:
			return nil, errSyntax
		}
	}
	return t, nil
}

func (t *tracking) parseRedirect(c *Call, i int) (err error) {
	if t.redirect != 0 {
		return errOneRedirect
	}
	if t.redirect, err = c.Int(i); err != nil {
		return err
	}
	if c.Server.client(t.redirect) == nil {
		return errNoRedirect
	}
	return nil
}

// suits refuses options that contradict each other, or what the client has asked for before, which may be nil.
func (t *tracking) suits(old *tracking) error {
	switch {
	case !t.broadcast && len(t.prefixes) > 0:
		return errPrefixBcast
	case old != nil && old.broadcast != t.broadcast:
		return errSwitchBcast
	case t.broadcast && (t.optIn || t.optOut):
		return errOptBcast
	case t.optIn && t.optOut:
		return errOptBoth
	case old != nil && t.reverses(old):
		return errSwitchOpt
	case t.broadcast:
		return t.overlaps(old)
	}
	return nil
}

// reverses reports whether what the client says of a read would mean the opposite of what it meant before.
func (t *tracking) reverses(old *tracking) bool {
	return t.optIn && old.optOut || t.optOut && old.optIn
}

// overlaps refuses prefixes of which one begins another, since the client would be told of a key twice. (redis-server answers both
// an error and OK to some of these, which no client can make sense of.)
func (t *tracking) overlaps(old *tracking) error {
	for i, p := range t.prefixes {
		if old != nil {
			for _, q := range old.prefixes {
				if overlap(p, q) {
					return Error(fmt.Sprintf(overlapsOld, p, q))
				}
			}
		}
		for _, q := range t.prefixes[i+1:] {
			if overlap(p, q) {
				return Error(fmt.Sprintf(overlapsAnother, p, q))
			}
		}
	}
	return nil
}

func overlap(p, q string) bool { return strings.HasPrefix(p, q) || strings.HasPrefix(q, p) }

// track puts what the client asks for in the place of what it asked for before; prefixes are added to those it has.
func (s *Session) track(t *tracking) {
	old := s.tracking.Load()
	if t.broadcast {
		if len(t.prefixes) == 0 {
			t.prefixes = []string{""}
		}
		if old != nil {
			t.prefixes = slices.Concat(old.prefixes, t.prefixes)
		}
		slices.Sort(t.prefixes)
		t.prefixes = slices.Compact(t.prefixes)
		for _, p := range t.prefixes {
			t.memory += int64(len(p)) + prefixSize
		}
	}
	s.broken.Store(false)
	s.tracking.Store(t)
	if old == nil {
		s.exec.trackers.Add(1)
		s.exec.group.TrackingClients(1)
	}
	if t.broadcast {
		s.exec.broadcasts.join(s, t.prefixes)
	}
}

// stopTracking ends what the client asked to be told of.
func (s *Session) stopTracking() {
	t := s.tracking.Swap(nil)
	if t == nil {
		return
	}
	s.caching = false
	s.broken.Store(false)
	s.exec.broadcasts.leave(s, t.prefixes)
	s.exec.trackers.Add(-1)
	s.exec.group.TrackingClients(-1)
}

// clientCaching says whether the next command, or transaction, is an exception to the client's rule.
func clientCaching(c *Call) error {
	t := c.Session.tracking.Load()
	switch {
	case t == nil:
		return errNotTracking
	case c.Option(2, "yes") && !t.optIn:
		return errCachingYes
	case c.Option(2, "no") && !t.optOut:
		return errCachingNo
	case !c.Option(2, "yes") && !c.Option(2, "no"):
		return errSyntax
	}
	c.Session.caching = true
	c.Reply.OK()
	return nil
}

// stepCaching ends an exception that the command before was meant by: any but CLIENT, and transactions as a whole.
func (s *Session) stepCaching() {
	last := s.last.Load()
	if s.multi == nil && (last == nil || last.parent == nil || last.parent.Name != "client") {
		s.caching = false
	}
}

// trackingMemory is what the client's prefixes take, in bytes, as if nobody else had the same. Any goroutine may ask. Invalidations that wait
// for the client are among its output, and the keys that it has read are in the shards' tables.
func (s *Session) trackingMemory() int64 {
	if t := s.tracking.Load(); t != nil {
		return t.memory
	}
	return 0
}

// remembers reports whether it is remembered what keys the client's next command reads.
func (s *Session) remembers() bool {
	t := s.tracking.Load()
	return t != nil && !t.broadcast && (!t.optIn || s.caching) && (!t.optOut || !s.caching)
}

// tracks reports whether it is remembered what keys a command reads that the client sends now; for EXEC, what its commands read.
func (s *Session) tracks(row *Row) bool {
	return s.tracking.Load() != nil && row != nil && (row.Flags&ReadOnly != 0 || row.Place == ByQueue) && s.remembers()
}

// track remembers the keys that the call has read.
func (c *Call) track() {
	c.Row.keyPositions(c.Args, func(i int, _ *KeySpec) { c.Tx.Track(c.Session.ID, c.Args[i]) })
}

// redirection is the client that is told instead of this one: 0 if it is told itself, -1 if nobody is told.
func (s *Session) redirection() int64 {
	t := s.tracking.Load()
	if t == nil {
		return -1
	}
	return t.redirect
}

func clientGetRedir(c *Call) error {
	c.Reply.Int(c.Session.redirection())
	return nil
}

// trackingFields is the number of pairs in the reply to CLIENT TRACKINGINFO.
const trackingFields = 3

func clientTrackingInfo(c *Call) error {
	s := c.Session
	t := s.tracking.Load()
	c.Reply.Map(trackingFields)
	c.Reply.BulkString("flags")
	flags := s.trackingFlags(t)
	c.Reply.Set(len(flags))
	for _, f := range flags {
		c.Reply.BulkString(f)
	}
	c.Reply.BulkString("redirect")
	c.Reply.Int(s.redirection())
	c.Reply.BulkString("prefixes")
	if t == nil {
		c.Reply.Array(0)
		return nil
	}
	c.Reply.Array(len(t.prefixes))
	for _, p := range t.prefixes {
		c.Reply.BulkString(p)
	}
	return nil
}

func (s *Session) trackingFlags(t *tracking) (flags []string) {
	if t == nil {
		return []string{"off"}
	}
	for _, f := range [...]struct {
		on   bool
		name string
	}{
		{true, "on"},
		{t.broadcast, "bcast"},
		{t.optIn, "optin"},
		{t.optIn && s.caching, "caching-yes"},
		{t.optOut, "optout"},
		{t.optOut && s.caching, "caching-no"},
		{t.noLoop, "noloop"},
		{s.broken.Load(), "broken_redirect"},
	} {
		if f.on {
			flags = append(flags, f.name)
		}
	}
	return flags
}
