package stats

// Tally is the counters of all commands, added up one stripe after the other, so that nobody is waited for by all. It is used again and
// again, by one at a time.
type Tally struct{ rows []Tallied }

// Tallied is what a Tally says of one command.
type Tallied struct {
	Counts
	Latencies Buckets // of the runs that were tracked
}

// clear makes the tally empty, of so many commands.
func (t *Tally) clear(commands int) {
	if len(t.rows) != commands {
		t.rows = make([]Tallied, commands)
		return
	}
	clear(t.rows)
}

// Command is what was added up of one command.
func (t *Tally) Command(command int) *Tallied { return &t.rows[command] }

// AddShard adds a shard's counters to the tally. The caller owns the shard.
func (s *Stats) AddShard(t *Tally, shard int) { t.add(&s.shards[shard].stripe) }

// AddOwn adds the counters of what ran on connections, and of what did not run.
func (s *Stats) AddOwn(t *Tally) {
	for i := range s.own {
		s.own[i].mu.Lock()
		t.add(&s.own[i].stripe)
		s.own[i].mu.Unlock()
	}
	for i := range s.rejected {
		t.rows[i].Rejected += s.rejected[i].Load()
	}
}

func (t *Tally) add(s *stripe) {
	for i := range s.rows {
		from, to := &s.rows[i], &t.rows[i]
		if from.calls == 0 {
			continue
		}
		to.Calls += from.calls
		to.Nanos += from.nanos
		to.Failed += from.failed
		if from.latencies != nil {
			to.Latencies.add(from.latencies)
		}
	}
}
