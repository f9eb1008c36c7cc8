// Respite is a Redis-compatible in-memory server.
//
// The main package builds the parts, connects them, serves, and stops them in order; it has no logic of its own. main.go
// is the command line, server.go the life of a server, process.go what the process needs of the operating system.
package main

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"respite/command"
	"respite/config"
	"respite/stress"
	"respite/stress/bench"
)

func main() {
	os.Exit(run(os.Args))
}

// run is the whole program; it returns the exit code.
func run(args []string) int {
	app := &cli.App{
		Name:            "respite",
		Usage:           "a Redis-compatible in-memory server",
		UsageText:       "respite [redis.conf|-] [--directive value ...]\nrespite stress|bench [options]",
		Version:         fmt.Sprintf("%s (compatible with Redis %s)", command.Version, command.RedisVersion),
		HideHelpCommand: true,
		Flags:           directives(config.New()),
		Commands:        []*cli.Command{stress.Command(), bench.Command()},
	}
	if isServer(args[1:]) {
		ignoreSignals()
		return serve(args[1:], os.Stdout, os.Stderr)
	}
	if err := app.Run(args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// directives are the flags of the server as --help lists them, one for each row of the configuration table. What reads
// them is config.Parse: redis-server's grammar (a flag's values run until the next flag, a flag and its values may be
// one argument) and its errors are not a flag parser's.
func directives(cfg *config.Config) (flags []cli.Flag) {
	for _, row := range cfg.Rows() {
		flags = append(flags, &cli.StringFlag{Name: row.Name, Usage: row.Doc, DefaultText: row.Default})
	}
	return flags
}

// isServer reports whether arguments are redis-server's rather than a subcommand or a question.
func isServer(args []string) bool {
	if len(args) == 0 {
		return true
	}
	switch args[0] {
	case "stress", "bench", "--version", "-v", "--help", "-h":
		return false
	}
	return true
}
