// wait.go: WAIT and WAITAOF, which wait until others have what the client wrote. There are no replicas and there is no append-only file,
// so nobody ever has: what asks for nothing is answered at once, everything else when its time is up. Whoever builds one of the two
// changes the counts here, and rings the waiter where they grow.

package command

import "time"

func waitRows() []Row {
	tips := []string{"request_policy:all_shards", "response_policy:agg_min"}
	return []Row{
		{
			Name: "wait", Arity: 3, Flags: Blocking, ACL: "connection", Place: Alone, Run: wait, Tips: tips,
			Since: "3.0.0", Cost: "O(1)", Doc: "Waits until replicas have what the client wrote, and returns how many do.",
		},
		{
			Name: "waitaof", Arity: 4, Flags: Blocking, ACL: "connection", Place: Alone, Run: waitaof, Tips: tips,
			Since: "7.2.0", Cost: "O(1)", Doc: "Waits until the append-only files of this server and of replicas have what the client wrote.",
		},
	}
}

const errNoAppendOnly = Error("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")

func wait(c *Call) error {
	replicas, err := c.Int(1)
	if err != nil {
		return err
	}
	timeout, err := c.milliseconds(2)
	if err != nil {
		return err
	}
	return c.await(replicas, timeout, func(c *Call) { c.Reply.Int(0) })
}

func waitaof(c *Call) error {
	local, err := c.Int(1)
	switch {
	case err != nil:
		return err
	case local < 0 || local > 1:
		return errLocalRange
	}
	replicas, err := c.Int(2)
	if err != nil || replicas < 0 {
		return errNotPositive
	}
	timeout, err := c.milliseconds(3)
	switch {
	case err != nil:
		return err
	case local > 0:
		return errNoAppendOnly
	}
	return c.await(replicas, timeout, func(c *Call) {
		c.Reply.Array(2)
		c.Reply.Int(0)
		c.Reply.Int(0)
	})
}

const errLocalRange = Error("ERR value is out of range, value must between 0 and 1")

// await answers with what there is of that which was asked for, which is nothing: at once, or when time is up if more was asked for.
func (c *Call) await(replicas int64, timeout time.Duration, answer func(*Call)) error {
	if replicas <= 0 || !c.mayBlock {
		answer(c)
		return nil
	}
	return c.block(waitFor{keys: [][]byte{}, timeout: timeout, late: answer})
}
