// The latency mode: the round trip of a single client that waits for each
// reply. Nothing queues, so this is the length of the way through a server and
// not its capacity.

package bench

import (
	"context"
	"fmt"
	"io"
	"time"
)

// leastRoundTrips is how many of them a measurement has, or its percentiles would mean nothing.
const leastRoundTrips = 100

// runLatency measures one client on every target and prints the table.
func runLatency(ctx context.Context, o *options, out, progress io.Writer) error {
	total := o.duration(len(o.targets))
	fmt.Fprintf(progress, "%d targets x %d rounds x %s: about %s\n",
		len(o.targets), o.rounds, o.warmUp+o.measure, total.Round(time.Second))
	return o.onServers(ctx, total, func(ctx context.Context, servers []*server, data *testData) error {
		get := getCell()
		single := *o
		single.clients, single.threads = 1, 1
		res := newResults(latencyLayout(), []group{{name: get.String()}}, o.targets)
		err := o.alternate(res, progress, func(_, target int) (sample, error) {
			s := servers[target]
			l := single.loader(s.port, get.command.reply, newTapeFeed(data.tape(get.command), get.depth, single.clients))
			return single.measureLoad(ctx, s, l, leastRoundTrips)
		})
		if err != nil {
			return err
		}
		return res.write(out, o.markdown)
	})
}
