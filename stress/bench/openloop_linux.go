// The open loop: the latency of GET at fixed rates, which are parts of what
// redis reaches in a closed loop on the same machine a moment before. A closed
// loop asks less of a server that is slow; here all targets get the same.

package bench

import (
	"context"
	"fmt"
	"io"
	"time"
)

// runOpenLoop finds redis's maximum, measures every rate on every target and
// prints a table for each rate.
func runOpenLoop(ctx context.Context, o *options, out, progress io.Writer) error {
	total := o.duration(1 + len(o.percents)*len(o.targets))
	fmt.Fprintf(progress, "%d rates x %d targets x %d rounds x %s: about %s\n",
		len(o.percents), len(o.targets), o.rounds, o.warmUp+o.measure, total.Round(time.Second))
	return o.onServers(ctx, total, func(ctx context.Context, servers []*server, data *testData) error {
		maximum, err := o.redisMaximum(ctx, servers, data, progress)
		if err != nil {
			return err
		}
		res := newResults(openLoopLayout(), o.rateGroups(maximum), o.targets)
		err = o.alternate(res, progress, func(group, target int) (sample, error) {
			return o.measureRate(ctx, servers[target], maximum*float64(o.percents[group])/100, data)
		})
		if err != nil {
			return err
		}
		return res.write(out, o.markdown)
	})
}

// redisMaximum is the closed-loop throughput of GET on redis, the median of
// the rounds.
func (o *options) redisMaximum(ctx context.Context, servers []*server, data *testData, progress io.Writer) (float64, error) {
	redis := servers[redisAmong(o.targets)]
	get := getCell()
	res := newResults(cellLayout(), []group{{name: get.String()}}, []target{redis.target})
	err := o.alternate(res, progress, func(int, int) (sample, error) {
		return o.measureCell(ctx, redis, get, data.tape(get.command))
	})
	if err != nil {
		return 0, fmt.Errorf("find the maximum: %w", err)
	}
	return medianOf(res.samples[0][0], rateFigure), nil
}

// rateGroups are one table for each percentage.
func (o *options) rateGroups(maximum float64) (groups []group) {
	for _, percent := range o.percents {
		groups = append(groups, group{
			name: fmt.Sprintf("get@%d%%", percent),
			title: fmt.Sprintf("GET at %d%% of %s's closed-loop maximum of %.0f commands/s, %d connections",
				percent, redisName, maximum, o.clients),
		})
	}
	return groups
}

// measureRate sends GETs at a rate and measures once.
func (o *options) measureRate(ctx context.Context, s *server, rate float64, data *testData) (sample, error) {
	get := getCell()
	l := o.loader(s.port, get.command.reply, newTapeFeed(data.tape(get.command), get.depth, o.clients))
	l.rate = rate
	got, err := o.measureLoad(ctx, s, l, uint64(o.clients))
	got.asked = rate
	return got, err
}
