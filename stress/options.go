// What the suites can be told. Command fills an Options from flags; tests fill
// one by hand. The zero value of a count means "the suite's own default", so
// one flag can serve several suites that load differently.

package stress

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// Defaults shared by the command line and by tests.
const (
	defaultAddr     = "127.0.0.1:6379"
	defaultDuration = 60 * time.Second
	defaultTimeout  = 30 * time.Second
	defaultPrefix   = "respite:stress:"
)

// mib is the unit of the memory bounds.
const mib = 1 << 20

// Options steers a run. Sizes are in bytes unless the name says MiB.
type Options struct {
	// Where and how to connect.
	Addr        string
	TLS         bool
	TLSCA       string // PEM file with the authority to trust; empty: the system's
	TLSCert     string // PEM file with the client's certificate
	TLSKey      string // PEM file with the client's key
	TLSInsecure bool   // accept any server certificate
	User        string
	Password    string
	Timeout     time.Duration // without progress on a socket
	AllowRemote bool          // else only loopback addresses are accepted

	// How much to do. Zero counts mean the suite's own default.
	Duration    time.Duration // of the suites that run for a time
	Connections int
	Keys        int
	ValueSize   int
	Reads       int           // order
	Rate        int           // expiry, backlog, large: open-loop requests per second
	LiveKeys    int           // expiry: keys that stay
	Count       int           // backlog: requests sent before the first read; waits: waits that run out
	Limit       bool          // backlog: expect the output limit to cut the client off
	Phase       time.Duration // large: length of each load
	Lead        time.Duration // expiry: least time to set the deadlines in
	TTL         bool          // memory: give every key a deadline
	Overwrite   int           // memory: times each key is written again
	KeyPrefix   string        // memory: of its keys; empty: the suite's own
	Keep        bool          // memory: leave the keys in place
	Idle        time.Duration // idle: how long the connections stay quiet
	Settle      time.Duration // memory, idle: wait before resident size is read
	Prefix      string        // of every key that is touched
	Seed        uint64        // of everything random
	PID         int           // server process, for its resident size

	// Bounds. Zero means the figure is printed and not judged.
	MinCommands         int           // stability
	MaxGrowthMiB        int           // used_memory left after a suite
	MaxResidentMiB      int           // resident size left after a suite
	MaxGoroutines       int           // goroutines left after a suite
	MaxGrowthSettle     time.Duration // until growth is judged
	MaxLatency          time.Duration
	MaxP999             time.Duration
	MaxBytesPerKey      int
	MaxBytesPerConn     int
	MaxResiduePercent   int           // expiry: share of the loaded resident size that may stay
	MaxSettle           time.Duration // expiry: until DBSIZE and expired_keys agree
	MaxResidentRecovery time.Duration // expiry: until the resident size is back

	// How to report.
	ReportOnly bool   // a missed bound is shown and does not fail the run
	JSON       string // file for the machine-readable report
	Progress   bool   // draw progress even when stderr is no terminal
}

// Default bounds; each has a flag of the same meaning.
const (
	defaultMinCommands    = 7000
	defaultGrowthMiB      = 64
	defaultResidentMiB    = 96
	defaultGoroutines     = 32
	defaultGrowthSettle   = 10 * time.Second
	defaultMaxLatency     = time.Second
	defaultMaxP999        = 5 * time.Millisecond
	defaultResidue        = 25
	defaultExpirySettle   = 3 * time.Second
	defaultExpiryResident = 10 * time.Second
	defaultPhase          = 5 * time.Second
	defaultLead           = 3 * time.Second
	defaultIdle           = 3 * time.Minute
	defaultSettle         = 5 * time.Second
)

// DefaultOptions returns the options that the command line starts from.
func DefaultOptions() Options {
	return Options{
		Addr:                defaultAddr,
		Timeout:             defaultTimeout,
		Duration:            defaultDuration,
		Prefix:              defaultPrefix,
		Idle:                defaultIdle,
		Phase:               defaultPhase,
		Lead:                defaultLead,
		Settle:              defaultSettle,
		MinCommands:         defaultMinCommands,
		MaxGrowthMiB:        defaultGrowthMiB,
		MaxResidentMiB:      defaultResidentMiB,
		MaxGoroutines:       defaultGoroutines,
		MaxGrowthSettle:     defaultGrowthSettle,
		MaxLatency:          defaultMaxLatency,
		MaxP999:             defaultMaxP999,
		MaxResiduePercent:   defaultResidue,
		MaxSettle:           defaultExpirySettle,
		MaxResidentRecovery: defaultExpiryResident,
	}
}

// or returns n, or the fallback if n is zero.
func or(n, fallback int) int {
	if n == 0 {
		return fallback
	}
	return n
}

// validate refuses what would harm a server that is not ours to stress, and
// numbers that make no sense.
func (o *Options) validate() error {
	host, _, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return fmt.Errorf("address %q: %w", o.Addr, err)
	}
	if !o.AllowRemote && !loopback(host) {
		return fmt.Errorf("address %q is not loopback: give --allow-remote if the server is yours to stress", o.Addr)
	}
	if o.Prefix == "" {
		return errors.New("the key prefix must not be empty: suites delete what lies below it")
	}
	for _, n := range []int{o.Connections, o.Keys, o.ValueSize, o.Reads, o.Rate, o.LiveKeys, o.Count, o.Overwrite} {
		if n < 0 {
			return errors.New("counts and sizes must not be negative")
		}
	}
	return nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// tlsConfig builds the client side of TLS, or nil when TLS is off.
func (o *Options) tlsConfig() (*tls.Config, error) {
	if !o.TLS {
		return nil, nil
	}
	host, _, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", o.Addr, err)
	}
	conf := &tls.Config{ServerName: host, InsecureSkipVerify: o.TLSInsecure} //nolint:gosec // asked for by flag, for self-signed test servers
	if o.TLSCA != "" {
		if conf.RootCAs, err = loadAuthority(o.TLSCA); err != nil {
			return nil, err
		}
	}
	if o.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(o.TLSCert, o.TLSKey)
		if err != nil {
			return nil, fmt.Errorf("read client certificate: %w", err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}

func loadAuthority(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read authority %s: no certificate in it", file)
	}
	return pool, nil
}
