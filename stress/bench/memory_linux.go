// The memory mode: what a key costs. One server at a time starts empty, is
// loaded with one data set in random order, and is left alone for a moment;
// the growth of its resident memory over the number of keys is the figure.

package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

const (
	// A key is expected to cost at most keyAllowance bytes beyond its value, and
	// twice its value: data sets that may not fit are refused before they start.
	keyAllowance   = 300
	valueAllowance = 2
	// slowestLoad, in commands per second, bounds the time of a run.
	slowestLoad = 10_000
)

// A dataSet is one row group of the memory table. Without a kind its keys are strings, of valueSize bytes; else what memoryKinds says.
type dataSet struct {
	kind            memoryKind
	keys, valueSize int
}

func (d dataSet) String() string {
	if d.kind.name != "" {
		return fmt.Sprintf("%d %s", d.keys, d.kind.name)
	}
	return fmt.Sprintf("%d keys of %d bytes", d.keys, d.valueSize)
}

// footprint is the resident memory of a server before and after a load, in bytes.
type footprint struct {
	name          string
	before, after int64
}

// perKey is the growth over the number of keys, in bytes.
func (f footprint) perKey(keys int) float64 { return float64(f.after-f.before) / float64(keys) }

// runMemory measures every data set on every target and prints the table.
func runMemory(ctx context.Context, o *options, out, progress io.Writer) error {
	sets := o.dataSets()
	limit, err := o.planMemory(sets, progress)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errTooLong)
	defer cancel()
	rows := [][]string{{"keys", "value", o.variantTitle(), "target", "start MB", "loaded MB", "bytes/key", "× " + redisName}}
	for _, set := range sets {
		var prints []footprint
		for _, t := range o.targets {
			got, err := o.measureMemory(ctx, t, set, progress)
			if err != nil {
				return fmt.Errorf("%s on %s: %w", set, t.name, err)
			}
			prints = append(prints, got)
		}
		rows = append(rows, memoryRows(set, cmp.Or(set.kind.name, o.variant()), prints)...)
	}
	return writeTable(out, rows, o.markdown)
}

func (o *options) dataSets() (sets []dataSet) {
	if o.set == typeSet {
		for _, keys := range o.keys {
			for _, kind := range memoryKinds() {
				sets = append(sets, dataSet{kind: kind, keys: keys, valueSize: elementSize})
			}
		}
		return sets
	}
	for _, keys := range o.keys {
		for _, size := range o.valueSizes {
			sets = append(sets, dataSet{keys: keys, valueSize: size})
		}
	}
	return sets
}

// planMemory says what is ahead and bounds it in time. It refuses data sets
// that the machine's memory may not hold.
func (o *options) planMemory(sets []dataSet, progress io.Writer) (limit time.Duration, err error) {
	available, err := readAvailable()
	if err != nil {
		return 0, err
	}
	commands := 0
	for _, set := range sets {
		values := valueAllowance * set.valueSize
		if set.kind.name != "" {
			values *= 2 * memoryElements
		}
		need := int64(set.keys) * int64(keyAllowance+values)
		if need > available {
			return 0, fmt.Errorf("%s may take %d MB, %d MB are available: lower --keys or --value-sizes",
				set, need>>20, available>>20)
		}
		commands += len(o.targets) * set.keys * (1 + o.overwrite)
	}
	limit = time.Duration(commands)*time.Second/slowestLoad + time.Duration(len(o.targets)*len(sets))*(o.settle+startAllow)
	fmt.Fprintf(progress, "%d data sets on %d servers, %.1f million commands, at most %s\n",
		len(sets), len(o.targets), float64(commands)/1e6, limit.Round(time.Second))
	return limit, nil
}

// variantTitle is the heading of what distinguishes the data sets beside their sizes.
func (o *options) variantTitle() string {
	if o.set == typeSet {
		return "kind"
	}
	return "deadlines"
}

// variant names what is done about deadlines.
func (o *options) variant() string {
	switch {
	case o.overwrite > 0:
		return "set " + strconv.Itoa(o.overwrite) + " times"
	case o.ttl:
		return "one per key"
	default:
		return "none"
	}
}

// measureMemory runs one data set on a server of its own.
func (o *options) measureMemory(ctx context.Context, t target, set dataSet, progress io.Writer) (got footprint, err error) {
	s, err := t.start(ctx)
	if err != nil {
		return footprint{}, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	got.name = t.name
	if got.before, err = readRSS(s.pid); err != nil {
		return got, err
	}
	began := time.Now()
	if err := o.loadDataSet(ctx, s.port, set); err != nil {
		return got, err
	}
	loaded := time.Since(began)
	if err := sleep(ctx, o.settle); err != nil {
		return got, err
	}
	if got.after, err = readRSS(s.pid); err != nil {
		return got, err
	}
	fmt.Fprintf(progress, "%-8s  %s, loaded in %s: %.1f bytes per key\n",
		t.name, set, loaded.Round(time.Millisecond), got.perKey(set.keys))
	return got, nil
}

// loadDataSet sets every key once, with a deadline if asked for, and then
// gives all keys new deadlines as often as asked for.
func (o *options) loadDataSet(ctx context.Context, port int, set dataSet) error {
	values, order := newValuePool(set.valueSize), shuffled(set.keys)
	if set.kind.name != "" {
		return o.loader(port, set.kind.reply, newLoadFeed(set.kind.request, order, nil, o.clients)).drain(ctx)
	}
	write := request(setRequest)
	if o.ttl {
		write = setTTLRequest
	}
	if err := o.loader(port, lineShape("+OK"), newLoadFeed(write, order, values, o.clients)).drain(ctx); err != nil {
		return err
	}
	for range o.overwrite {
		if err := o.loader(port, lineShape(":1"), newLoadFeed(expireRequest, order, values, o.clients)).drain(ctx); err != nil {
			return err
		}
	}
	return nil
}

// loader is the load that plays a feed.
func (o *options) loader(port int, reply shape, f feed) load {
	return load{port: port, clients: o.clients, threads: o.threads, reply: reply, feed: f, stall: stallLimit}
}

// memoryRows are the table's rows for one data set.
func memoryRows(set dataSet, variant string, prints []footprint) (rows [][]string) {
	reference := prints[slices.IndexFunc(prints, func(p footprint) bool { return p.name == redisName })].perKey(set.keys)
	for _, p := range prints {
		times := ""
		if p.name != redisName {
			times = number("%.2f", p.perKey(set.keys)/reference)
		}
		rows = append(rows, []string{
			strconv.Itoa(set.keys), strconv.Itoa(set.valueSize), variant, p.name,
			number("%.1f", megabytes(p.before)), number("%.1f", megabytes(p.after)), number("%.1f", p.perKey(set.keys)), times,
		})
	}
	return rows
}

func megabytes(n int64) float64 { return float64(n) / (1 << 20) }

// sleep waits for d or until ctx is cancelled.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
