// shutdown.go: SHUTDOWN. The command only says what is wanted; whether and how the server ends is decided by the process around it.

package command

import "respite/config"

func shutdownRows() []Row {
	return []Row{
		{
			Name: "shutdown", Arity: -1, Flags: Admin | NoScript | Loading | Stale | NoMulti | AllowBusy, Place: Alone, Run: shutdown,
			Since: "1.0.0", Cost: "O(1)", Doc: "Stops the server.",
		},
	}
}

const (
	errNoShutdown     = Error("ERR No shutdown in progress.")
	errShutdownFailed = Error("ERR Errors trying to SHUTDOWN. Check logs.")
)

// shutdownFlags reads SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] | SHUTDOWN ABORT.
func shutdownFlags(c *Call) (how config.ShutdownFlags, abort bool, err error) {
	const both = config.ShutdownSave | config.ShutdownNoSave
	for i := 1; i < len(c.Args); i++ {
		switch {
		case c.Option(i, "nosave"):
			how |= config.ShutdownNoSave
		case c.Option(i, "save"):
			how |= config.ShutdownSave
		case c.Option(i, "now"):
			how |= config.ShutdownNow
		case c.Option(i, "force"):
			how |= config.ShutdownForce
		case c.Option(i, "abort"):
			abort = true
		default:
			return 0, false, errSyntax
		}
	}
	if how&both == both || abort && how != 0 {
		return 0, false, errSyntax
	}
	return how, abort, nil
}

// shutdown answers nothing if all is well: the connection ends. While a dataset is being loaded nothing is saved, since half of it would
// take the place of the whole.
func shutdown(c *Call) error {
	how, abort, err := shutdownFlags(c)
	hooks := &c.Server.hooks
	switch {
	case err != nil:
		return err
	case abort && (hooks.AbortShutdown == nil || !hooks.AbortShutdown()):
		return errNoShutdown
	case abort:
		c.Reply.OK()
		return nil
	}
	if c.Server.Loading() {
		how = how&^config.ShutdownSave | config.ShutdownNoSave
	}
	if hooks.Shutdown != nil && hooks.Shutdown(how) != nil {
		return errShutdownFailed
	}
	c.Session.closing = true
	return nil
}
