// pubsub.go: SUBSCRIBE and PUBLISH in their three forms, and PUBSUB. Messages go through the outboxes of connections, and so
// does everything that others send to a client: it comes after the replies in flight.
//
// Some rules make the order that clients rely on:
//
//   - An answer to SUBSCRIBE is a reply, so it precedes the first message, which waits in the outbox.
//   - What was published before a client unsubscribed, or changed its protocol, precedes the answer to that: such commands have
//     the flag AfterPushes, and the session puts in front of their replies what is in the outbox when they have run.
//
// What a client's own command makes it hear comes right behind the reply to that command, and behind EXEC's reply if the command is part of a
// transaction (Session.hears).

package command

import "respite/pubsub"

func pubsubRows() []Row {
	const flags = PubSub | NoScript | Loading | Stale | Listening
	const publishes = PubSub | Loading | Stale | Fast | MayReplicate
	return []Row{
		{
			Name: "subscribe", Arity: -2, Flags: flags, Place: OnConnection, Chans: ListensTo, Run: subscribe,
			Since: "2.0.0", Cost: "O(N) in the number of channels", Doc: "Listens for messages of channels.",
		},
		{
			Name: "unsubscribe", Arity: -1, Flags: flags | AfterPushes, Place: OnConnection, Run: unsubscribe,
			Since: "2.0.0", Cost: "O(N) in the number of channels", Doc: "Stops listening for messages of channels.",
		},
		{
			Name: "psubscribe", Arity: -2, Flags: flags, Place: OnConnection, Chans: ListensToMatches, Run: psubscribe,
			Since: "2.0.0", Cost: "O(N) in the number of patterns", Doc: "Listens for messages of channels that fit patterns.",
		},
		{
			Name: "punsubscribe", Arity: -1, Flags: flags | AfterPushes, Place: OnConnection, Run: punsubscribe,
			Since: "2.0.0", Cost: "O(N) in the number of patterns", Doc: "Stops listening for messages of channels that fit patterns.",
		},
		{
			Name: "ssubscribe", Arity: -2, Flags: flags, Keys: keys(NotKey, 1, -1, 1), Place: OnConnection, Chans: ListensTo, Run: ssubscribe,
			Since: "7.0.0", Cost: "O(N) in the number of shard channels", Doc: "Listens for messages of shard channels.",
		},
		{
			Name: "sunsubscribe", Arity: -1, Flags: flags | AfterPushes, Keys: keys(NotKey, 1, -1, 1), Place: OnConnection, Run: sunsubscribe,
			Since: "7.0.0", Cost: "O(N) in the number of shard channels", Doc: "Stops listening for messages of shard channels.",
		},
		{
			Name: "publish", Arity: 3, Flags: publishes, Place: AfterBatch, Chans: PublishesTo, Run: publish,
			Since: "2.0.0", Cost: "O(N+M) in the number of subscribers to the channel and of patterns", Doc: "Sends a message to a channel.",
		},
		{
			Name: "spublish", Arity: 3, Flags: publishes, Keys: keys(NotKey, 1, 1, 1), Place: AfterBatch, Chans: PublishesTo, Run: spublish,
			Since: "7.0.0", Cost: "O(N) in the number of subscribers to the shard channel", Doc: "Sends a message to a shard channel.",
		},
		{
			Name: "pubsub", Arity: -2, Sub: pubsubSubRows(),
			Since: "2.8.0", Cost: "Depends on subcommand.", Doc: "A container for commands about channels and their subscribers.",
		},
	}
}

func pubsubSubRows() []Row {
	const flags = PubSub | Loading | Stale
	return []Row{
		{
			Name: "channels", Arity: -2, Flags: flags, Place: AfterBatch, Run: pubsubChannels,
			Since: "2.8.0", Cost: "O(N) in the number of channels", Doc: "Lists the channels that have subscribers.",
		},
		{
			Name: "help", Arity: 2, Flags: Loading | Stale, Place: OnConnection, Run: pubsubHelp,
			Since: "6.2.0", Cost: "O(1)", Doc: "Lists the subcommands.",
		},
		{
			Name: "numpat", Arity: 2, Flags: flags, Place: AfterBatch, Run: pubsubNumPat,
			Since: "2.8.0", Cost: "O(1)", Doc: "Counts the patterns that have subscribers.",
		},
		{
			Name: "numsub", Arity: -2, Flags: flags, Place: AfterBatch, Run: pubsubNumSub,
			Since: "2.8.0", Cost: "O(N) in the number of channels", Doc: "Counts the subscribers of channels.",
		},
		{
			Name: "shardchannels", Arity: -2, Flags: flags, Place: AfterBatch, Run: pubsubShardChannels,
			Since: "7.0.0", Cost: "O(N) in the number of shard channels", Doc: "Lists the shard channels that have subscribers.",
		},
		{
			Name: "shardnumsub", Arity: -2, Flags: flags, Place: AfterBatch, Run: pubsubShardNumSub,
			Since: "7.0.0", Cost: "O(N) in the number of shard channels", Doc: "Counts the subscribers of shard channels.",
		},
	}
}

func subscribe(c *Call) error    { return c.subscribe(pubsub.Channels, "subscribe") }
func psubscribe(c *Call) error   { return c.subscribe(pubsub.Patterns, "psubscribe") }
func unsubscribe(c *Call) error  { return c.unsubscribe(pubsub.Channels, "unsubscribe") }
func punsubscribe(c *Call) error { return c.unsubscribe(pubsub.Patterns, "punsubscribe") }
func sunsubscribe(c *Call) error { return c.unsubscribe(pubsub.ShardChannels, "sunsubscribe") }

const errSSubscribeInMulti = Error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client")

// ssubscribe, other than SUBSCRIBE and PSUBSCRIBE, may not be part of a transaction.
func ssubscribe(c *Call) error {
	if c.held {
		return errSSubscribeInMulti
	}
	return c.subscribe(pubsub.ShardChannels, "ssubscribe")
}

// subscribe answers with a push for each of its arguments.
func (c *Call) subscribe(k pubsub.Kind, word string) error {
	c.loud = true
	c.tellSoFar()
	c.Session.conn.Listen(true)
	for _, name := range c.Args[1:] {
		c.Session.subs.Subscribe(k, name)
		c.replySubscribed(k, word, name)
	}
	if !c.Session.user.Load().Rules().Free() && c.Session.overhears() { // rules have changed since the gate
		c.Session.Kill()
	}
	return nil
}

// unsubscribe does likewise; without arguments it is about everything of its kind that the client has subscribed to, and if
// that is nothing it answers so.
func (c *Call) unsubscribe(k pubsub.Kind, word string) error {
	c.loud = true
	c.tellSoFar()
	defer func() { c.Session.conn.Listen(c.Session.subs.Subscribed()) }()
	for _, name := range c.Args[1:] {
		c.Session.subs.Unsubscribe(k, name)
		c.replySubscribed(k, word, name)
	}
	if len(c.Args) > 1 {
		return nil
	}
	names := c.Session.subs.Names(k)
	for _, name := range names {
		c.Session.subs.Unsubscribe(k, []byte(name))
		c.replySubscribed(k, word, []byte(name))
	}
	if len(names) == 0 {
		c.Reply.Push(subscribedFields)
		c.Reply.BulkString(word)
		c.Reply.Null()
		c.replySubscriptions(k)
	}
	return nil
}

// subscribedFields is the length of the push that answers a subscription.
const subscribedFields = 3

// replySubscribed says what the client has subscribed to, or no longer.
func (c *Call) replySubscribed(k pubsub.Kind, word string, name []byte) {
	c.Reply.Push(subscribedFields)
	c.Reply.BulkString(word)
	c.Reply.Bulk(name)
	c.replySubscriptions(k)
}

// replySubscriptions says how many subscriptions the client has: shard channels by themselves, channels and patterns together.
func (c *Call) replySubscriptions(k pubsub.Kind) {
	subs := &c.Session.subs
	n := subs.Count(k)
	if k != pubsub.ShardChannels {
		n = subs.Count(pubsub.Channels) + subs.Count(pubsub.Patterns)
	}
	c.Reply.Int(int64(n))
}

func publish(c *Call) error  { return c.publish(pubsub.Channels) }
func spublish(c *Call) error { return c.publish(pubsub.ShardChannels) }

// publish answers with the number of subscribers that get the message.
func (c *Call) publish(k pubsub.Kind) error {
	c.tellSoFar()
	l := c.Server.letters.Get().(*letter)
	l.Kind, l.Channel, l.Payload, l.Carrier = k, c.Args[1], c.Args[2], c.Session
	n := c.Server.channels.Publish(&l.Message)
	l.reset()
	c.Server.letters.Put(l)
	c.Reply.Int(int64(n))
	return nil
}

// tellSoFar hands on, within a transaction, what has happened to keys so far: it comes before what the command publishes, and goes to who
// was subscribed until now.
func (c *Call) tellSoFar() {
	if c.Tx != nil {
		c.Tx.Tell()
	}
}

// maxPubSubArgs is the number of arguments of PUBSUB CHANNELS with a pattern.
const maxPubSubArgs = 3

func pubsubChannels(c *Call) error      { return c.listChannels(pubsub.Channels) }
func pubsubShardChannels(c *Call) error { return c.listChannels(pubsub.ShardChannels) }

func (c *Call) listChannels(k pubsub.Kind) error {
	pattern := []byte("*")
	switch {
	case len(c.Args) > maxPubSubArgs:
		return errSubcommandArgs(c)
	case len(c.Args) == maxPubSubArgs:
		pattern = c.Args[2]
	}
	names := c.Server.channels.Names(k, pattern)
	if len(c.Args) < maxPubSubArgs && c.Server.channels.Subscribers(k, nil) > 0 {
		names = append(names, "") // no pattern but the empty one fits the empty name
	}
	c.Reply.Array(len(names))
	for _, name := range names {
		c.Reply.BulkString(name)
	}
	return nil
}

func pubsubNumSub(c *Call) error      { return c.countSubscribers(pubsub.Channels) }
func pubsubShardNumSub(c *Call) error { return c.countSubscribers(pubsub.ShardChannels) }

func (c *Call) countSubscribers(k pubsub.Kind) error {
	names := c.Args[2:]
	c.Reply.Array(2 * len(names))
	for _, name := range names {
		c.Reply.Bulk(name)
		c.Reply.Int(int64(c.Server.channels.Subscribers(k, name)))
	}
	return nil
}

// Subscribers is how many clients have subscribed to a channel.
func (e *Executor) Subscribers(channel string) int {
	return e.channels.Subscribers(pubsub.Channels, []byte(channel))
}

func pubsubNumPat(c *Call) error {
	c.Reply.Int(int64(c.Server.channels.Len(pubsub.Patterns)))
	return nil
}

func pubsubHelp(c *Call) error {
	return c.help(
		"CHANNELS [<pattern>]", "    Return the currently active channels matching a <pattern> (default: '*').",
		"NUMPAT", "    Return number of subscriptions to patterns.",
		"NUMSUB [<channel> ...]", "    Return the number of subscribers for the specified channels, excluding",
		"    pattern subscriptions(default: no channels).",
		"SHARDCHANNELS [<pattern>]", "    Return the currently active shard level channels matching a <pattern> (default: '*').",
		"SHARDNUMSUB [<shardchannel> ...]", "    Return the number of subscribers for the specified shard level channel(s)",
	)
}
