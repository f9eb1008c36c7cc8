// The test binary doubles as the program that mounts the command: called as
// "TESTBINARY bench ...", it is one, so that the end-to-end test can start the
// replies-only server as a process of its own.

package bench

import (
	"fmt"
	"os"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == commandName {
		app := &cli.App{Name: "respite", Commands: []*cli.Command{Command()}}
		if err := app.Run(os.Args); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}
