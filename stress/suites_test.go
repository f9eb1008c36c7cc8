package stress

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"
)

// keysLeft asks a server how many keys it has.
func keysLeft(t *testing.T, addr string) int64 {
	t.Helper()
	o := testOptions(addr)
	d, err := newDialer(&o)
	require.NoError(t, err)
	c, err := d.dial(context.Background())
	require.NoError(t, err)
	defer c.close()
	n, err := c.askInt("DBSIZE")
	require.NoError(t, err)
	return n
}

// TestSuitesPassOnRedis runs every suite, made small, against a real server:
// a check that a right server fails is wrong.
func TestSuitesPassOnRedis(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	tests := []struct {
		suites string
		edit   func(*Options)
	}{
		{"integration,validation", func(*Options) {}},
		{"stability", func(o *Options) { o.Duration = 2 * time.Second }},
		{"order", func(o *Options) { o.Reads = 10_000 }},
		{"backlog", func(o *Options) { o.Count = 20_000 }},
		{"backlog", func(o *Options) { o.Count = 100_000; o.Limit = true }},
		{"waits", func(o *Options) { o.Count, o.Connections = 2000, 50 }},
		{"large", func(o *Options) { o.Keys, o.Phase, o.ReportOnly = 3000, 50*time.Millisecond, true }},
		{"memory", func(o *Options) { o.Keys = 5000; o.Overwrite = 1; o.TTL = true; o.KeyPrefix = "key:" }},
		{"idle", func(o *Options) { o.Connections = 60; o.PID = server.pid }},
	}
	for _, tt := range tests {
		t.Run(tt.suites, func(t *testing.T) {
			o := testOptions(server.addr)
			tt.edit(&o)
			rep := execute(t, o, tt.suites)
			require.True(t, rep.Passed, page(t, rep))
			require.Zero(t, keysLeft(t, server.addr), "keys left behind")
		})
	}
}

func TestFuzzAndExpiryPassOnRedis(t *testing.T) {
	t.Parallel()
	for _, suite := range []string{"fuzz", "expiry"} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			o := testOptions(startRedis(t).addr)
			o.Keys, o.LiveKeys, o.Rate = 5000, 100, 200
			o.MaxSettle, o.ReportOnly = time.Second, true
			o.Lead = 5 * time.Second // for the deadlines, which are to be set before the first is over
			rep := execute(t, o, suite)
			require.True(t, rep.Passed, page(t, rep))
		})
	}
}

func TestOutputLimitIsRestored(t *testing.T) {
	t.Parallel()
	server := startRedis(t, "--client-output-buffer-limit", "normal", "64mb", "0", "0")
	o := testOptions(server.addr)
	o.Count, o.Limit = 60_000, true
	require.True(t, execute(t, o, "backlog").Passed)
	d, err := newDialer(&o)
	require.NoError(t, err)
	c, err := d.dial(context.Background())
	require.NoError(t, err)
	defer c.close()
	v, err := c.ask("CONFIG", "GET", outputLimit)
	require.NoError(t, err)
	require.Contains(t, string(v.Elems[1].Str), "normal 67108864 0 0")
}

func TestPasswordAndTLS(t *testing.T) {
	t.Parallel()
	cert, key := selfSigned(t)
	port := freePort(t)
	startRedis(t, "--requirepass", "sesame", "--tls-port", port, "--tls-auth-clients", "no",
		"--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert)
	o := testOptions("127.0.0.1:" + port)
	o.TLS, o.TLSCA, o.Password = true, cert, "sesame"
	rep := execute(t, o, "integration,validation")
	require.True(t, rep.Passed, page(t, rep))

	o.Password = "wrong"
	_, err := Execute(context.Background(), o, Suites(), io.Discard, false)
	require.ErrorContains(t, err, "WRONGPASS")
	o.TLSCA = ""
	_, err = Execute(context.Background(), o, Suites(), io.Discard, false)
	require.ErrorContains(t, err, "certificate")
}

// selfSigned writes a certificate for the loopback address and its key.
func selfSigned(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(crand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	return certFile, keyFile
}

func TestInterruptLeavesAPartialReport(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	o := testOptions(server.addr)
	o.Duration = time.Minute
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		awaitTraffic(t, o)
		cancel()
	}()
	suites, err := selectSuites("stability,validation")
	require.NoError(t, err)
	rep, err := Execute(ctx, o, suites, io.Discard, true)
	require.NoError(t, err)
	require.True(t, rep.Interrupted)
	require.False(t, rep.Passed)
	require.Len(t, rep.Suites, 1, "the second suite never began")
	require.Equal(t, Noted, result(t, rep, "interrupted").Result)
	require.Equal(t, Passed, result(t, rep, "wrong replies").Result, page(t, rep))
	require.Zero(t, rep.Suites[0].failures(), page(t, rep))
	require.Zero(t, keysLeft(t, server.addr), "keys left behind")
}

// awaitTraffic returns when the server has run so many commands that some worker of suite stability
// has all replies to what it sent first.
func awaitTraffic(t *testing.T, o Options) {
	d, err := newDialer(&o)
	if !assert.NoError(t, err) {
		return
	}
	c, err := d.dial(context.Background())
	if !assert.NoError(t, err) {
		return
	}
	defer c.close()
	_, busy, err := eventually(context.Background(), o.Timeout, func() (bool, error) {
		n, err := c.infoNumber("total_commands_processed")
		return n > 2*stabilityConnections*pipelineLongest, err
	})
	assert.NoError(t, err)
	assert.True(t, busy)
}

// commandLine is held by whoever runs one: urfave/cli keeps its help flag in a variable of its own.
var commandLine sync.Mutex

// runCommand runs the command line and returns its output and error.
func runCommand(args ...string) (string, error) {
	commandLine.Lock()
	defer commandLine.Unlock()
	var out bytes.Buffer
	app := &cli.App{
		Name: "respite", Writer: &out, ErrWriter: io.Discard, Commands: []*cli.Command{Command()},
		ExitErrHandler: func(*cli.Context, error) {},
	}
	err := app.Run(append([]string{"respite", "stress"}, args...))
	return out.String(), err
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	file := filepath.Join(t.TempDir(), "report.json")
	out, err := runCommand("--addr", server.addr, "--suite", "integration", "--json", file, "--seed", "42")
	require.NoError(t, err)
	require.Contains(t, out, "PASSED")
	require.Contains(t, out, "seed 42")
	require.FileExists(t, file)

	out, err = runCommand("--addr", server.addr, "--suite", "stability", "--duration", "100ms", "--min-commands", "1000000000")
	require.Contains(t, out, "FAILED")
	var code cli.ExitCoder
	require.ErrorAs(t, err, &code)
	require.Equal(t, exitFailed, code.ExitCode())

	_, err = runCommand("--addr", "192.0.2.1:6379")
	require.ErrorContains(t, err, "--allow-remote")
	_, err = runCommand("--suite", "nosuch")
	require.ErrorContains(t, err, "unknown suite")
	out, err = runCommand("--help")
	require.NoError(t, err)
	for _, s := range Suites() {
		require.Contains(t, out, s.Doc)
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	_, err := runCommand("--addr", "127.0.0.1:"+freePort(t), "--suite", "integration")
	require.ErrorContains(t, err, "connect to")
}
